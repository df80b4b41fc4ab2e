import PDF

/// The content stream of a page, of any bytes: a list of what it draws, or nothing; and a deflated one within
/// its limit.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  if let draws = ContentReader.read(bytes)?.draws {
    precondition(draws.allSatisfy { $0.name.utf8.first == UInt8(ascii: "/") })
    precondition(draws.count <= size / 4 + 1)
  }
  if let content = Flate.inflate(bytes, limit: 1 << 16) {
    precondition(content.count <= 1 << 16)
    if let packed = Flate.deflate(content) {
      precondition(Flate.inflate(packed, limit: 1 << 16) == content)
    }
  }
  return 0
}
