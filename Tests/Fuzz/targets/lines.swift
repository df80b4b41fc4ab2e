import Files
import Common
import Glibc

/// The line reader, through a pipe, against the standard library's own splitting.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  // What a pipe holds without a reader.
  let bytes = Array(UnsafeBufferPointer(start: data, count: min(size, 60000)))
  var ends: [Int32] = [-1, -1]
  precondition(pipe(&ends) == 0 && writeAll(bytes, to: ends[1]) == 0)
  close(ends[1])
  defer { close(ends[0]) }
  var expected = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
  if expected.last?.isEmpty == true { expected.removeLast() }
  var reader = LineReader(descriptor: ends[0])
  for line in expected {
    let isEnded = line.last == UInt8(ascii: "\r")
    precondition((try? reader.next()) == .line(Array(isEnded ? line.dropLast() : line)))
  }
  precondition((try? reader.next()) == .some(nil))
  return 0
}
