import Common

/// Looks for reports of errors in what Ghostscript prints, line by line, with bounded memory: a
/// document of 10,000 pages prints a megabyte of "Page 1".
struct ErrorScan {
  /// More of a line is not looked at.
  static let maximumLine = 4096

  /// The first line that reports an error, fit for a log.
  private(set) var report: String?
  /// Whether the line came that ends what it prints.
  private(set) var isAtEnd = false
  private let last: [UInt8]
  private var line: [UInt8] = []

  /// Up to a line of this one word.
  init(until word: String) { last = Array(word.utf8) }

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
        finish()
      } else if line.count < Self.maximumLine {
        line.append(byte)
      }
    }
  }

  /// Ends the last line, which may lack its line end.
  mutating func finish() {
    defer { line.removeAll(keepingCapacity: true) }
    if line == last { isAtEnd = true }
    guard report == nil, Self.reportsError(line) else { return }
    report = Format.quoted(String(decoding: line, as: UTF8.self), limit: 120)
  }

  /// `Error: /syntaxerror in --runpdf--`, `Unrecoverable error, exit code 1`, and the lines
  /// `   **** Error: …` with which the PDF interpreter speaks of what it repaired or ignored.
  static func reportsError(_ line: [UInt8]) -> Bool {
    let text = String(decoding: line, as: UTF8.self)
    return text.contains("****") || text.lowercased().contains("error")
  }
}
