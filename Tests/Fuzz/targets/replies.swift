@testable import Redis

/// What Redis answers: in whatever chunks it comes, the same replies, or the same end.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  let (whole, wholeEnd) = replies(in: bytes, chunk: size)
  let (parts, partsEnd) = replies(in: bytes, chunk: 3)
  precondition(whole == parts && wholeEnd == partsEnd)
  return 0
}

/// The replies that are in the bytes, and whether they ended with one that is none.
private func replies(in bytes: [UInt8], chunk: Int) -> ([RedisReply], Bool) {
  var reader = ReplyReader()
  var found: [RedisReply] = []
  var rest = bytes[...]
  while !rest.isEmpty {
    reader.fill { $0 += rest.prefix(chunk) }
    rest = rest.dropFirst(chunk)
    do {
      while let reply = try reader.next() { found.append(reply) }
    } catch { return (found, true) }
  }
  return (found, false)
}
