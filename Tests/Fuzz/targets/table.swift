import Files
import Common
import Glibc
@testable import Index

/// A file to import, of any bytes: rows with what identifies a document, or why not, and an end. The first
/// byte says what its name is.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  guard size > 1 else { return 0 }
  // What a pipe holds without a reader.
  var ends: [Int32] = [-1, -1]
  let bytes = Array(UnsafeBufferPointer(start: data + 1, count: min(size - 1, 60000)))
  precondition(pipe(&ends) == 0 && writeAll(bytes, to: ends[1]) == 0)
  close(ends[1])
  defer { close(ends[0]) }
  let names = ["a.csv", "a.tsv", "a.jsonl", "a.json", "-"]
  var options = ImportReader.Options()
  options.ignoresUnknown = data[0] & 0x80 != 0
  guard
    var reader = try? ImportReader(
      descriptor: ends[0], named: names[Int(data[0] & 0x7F) % names.count], options)
  else { return 0 }
  var items = 0
  while let item = try? reader.next() {
    items += 1
    // A line, or an element, is at least a byte.
    precondition(items <= size)
    switch item {
    case .row(let row, let line):
      precondition(line >= 1)
      for name in ImportedColumns.required { precondition((row.values[name] ?? nil) != nil) }
    case .refused(let line, let reason):
      precondition(line >= 1 && !reason.isEmpty)
    }
  }
  _ = reader.notes
  return 0
}
