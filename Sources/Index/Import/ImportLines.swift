import Common

/// The lines of a file to import, each valid UTF-8 or marked as not, with bounded memory. Lines that
/// were read too far can be put back.
struct ImportLines {
  /// Longest line, in bytes.
  static let maximum = 1 << 20

  struct Line: Equatable {
    /// Without its end.
    var bytes: [UInt8]
    /// LF, CRLF or CR; nothing for a last line that lacks it.
    var ending: [UInt8]
    /// Counted from 1.
    let number: Int
    /// Its rest was read and dropped.
    var isTooLong = false
    /// It is not UTF-8, which it was said to be.
    var isInvalid = false
  }

  private(set) var text: ImportText
  /// Lines that were read as Windows-1252, because they are not UTF-8.
  private(set) var recoded = 0

  private let end: UInt8
  private var buffer: ArraySlice<UInt8> = []
  private var waiting: [Line] = []
  private var count = 0

  init(_ text: ImportText) {
    self.text = text
    end = text.endsLinesWithCR ? 0x0D : 0x0A
  }

  /// The next line, or `nil` at the end. Throws where reading fails.
  mutating func next() throws(Fatal) -> Line? {
    if let line = waiting.popLast() { return line }
    var line = Line(bytes: [], ending: [], number: count + 1)
    while true {
      let end = buffer.firstIndex(of: self.end)
      let chunk = buffer[..<(end ?? buffer.endIndex)]
      if !line.isTooLong { line.bytes += chunk }
      buffer = buffer[(end.map { $0 + 1 } ?? buffer.endIndex)...]
      if line.bytes.count > Self.maximum {
        line.isTooLong = true
        line.bytes.removeSubrange(1024...)
      }
      if end == nil, let more = try text.next() {
        buffer = more[...]
        continue
      }
      if end == nil, line.bytes.isEmpty { return nil }
      if end != nil { line.ending = [self.end] }
      count += 1
      return checked(line)
    }
  }

  /// Gives lines back, to be read again in this order.
  mutating func putBack(_ lines: [Line]) { waiting += lines.reversed() }

  private mutating func checked(_ line: Line) -> Line {
    var line = line
    if end == 0x0A, line.bytes.last == 0x0D {
      line.bytes.removeLast()
      line.ending.insert(0x0D, at: 0)
    }
    // The first byte that is not ASCII decides how much work this is.
    guard line.bytes.contains(where: { $0 >= 0x80 }),
      String(validating: line.bytes, as: UTF8.self) == nil
    else { return line }
    guard text.encoding == nil, !line.isTooLong else {
      line.isInvalid = true
      return line
    }
    line.bytes = TextEncoding.fromWindows(line.bytes)
    recoded += 1
    return line
  }
}
