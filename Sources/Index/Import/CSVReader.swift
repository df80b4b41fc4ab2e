import Common

/// Rows of delimited values (RFC 4180), with bounded memory.
///
/// Fields may be quoted and then hold delimiters, line ends and doubled quotes. Lines end with LF or
/// CRLF, or all of them with CR; the last one may lack its end; empty lines are passed over, as is a
/// byte order mark. A quote inside an unquoted field is itself: exports write `AFFIDAVIT "T"` that
/// way. What is wrong costs its line only; reading goes on with the next one. In particular, a quote
/// that is never closed must not swallow the rows behind it: where it does not end, or where a line
/// within is a row of its own, the line that it opens on is refused, and the others are read again.
package struct CSVReader {
  /// Longest row, in bytes.
  package static let maximumRow = ImportLines.maximum

  package enum Row: Sendable, Equatable {
    /// The fields of a row that starts on `line`, counted from 1.
    case fields([String], line: Int)
    /// A row that cannot be read, and why.
    case refused(line: Int, reason: String)
  }

  /// Lines of one row. A description of more lines is none.
  private static let maximumLines = 1000

  private(set) var lines: ImportLines
  private let delimiter: UInt8
  /// Whether the fields of a line within quotes are those of a row.
  private let isRow: (@Sendable ([String]) -> Bool)?
  /// Whether the last row was not ended by a line end: it may be cut off.
  private(set) var isUnfinished = false

  /// Reads from `descriptor`, which stays the caller's, until its end or until `stop` is requested.
  /// Throws where reading fails.
  package init(
    descriptor: Int32, delimiter: UInt8 = UInt8(ascii: ","), stop: ShutdownSignal? = nil
  ) throws(Fatal) {
    let text = try ImportText(descriptor: descriptor, encoding: .utf8, stop: stop)
    self.init(ImportLines(text), delimiter: delimiter)
  }

  init(
    _ lines: ImportLines, delimiter: UInt8, isRow: (@Sendable ([String]) -> Bool)? = nil
  ) {
    self.lines = lines
    self.delimiter = delimiter
    self.isRow = isRow
  }

  /// The next row, or `nil` at the end of the input. Throws where reading fails.
  package mutating func next() throws(Fatal) -> Row? {
    while let line = try lines.next() {
      if line.bytes.isEmpty { continue }
      return try row(line)
    }
    return nil
  }

  /// The fields of one line by itself; `nil` where it is not a whole row.
  static func fields(_ line: [UInt8], delimiter: UInt8) -> [String]? {
    var parsing = RowParser(delimiter: delimiter)
    parsing.take(line)
    return parsing.fields
  }

  private mutating func row(_ first: ImportLines.Line) throws(Fatal) -> Row {
    guard !first.isTooLong else {
      return .refused(
        line: first.number,
        reason: "longer than \(Format.bytes(Self.maximumRow)), or an unclosed quote")
    }
    var parsing = RowParser(delimiter: delimiter)
    parsing.take(first.bytes)
    var last = first
    var more: [ImportLines.Line] = []
    var bytes = first.bytes.count
    while parsing.isOpen {
      guard more.count < Self.maximumLines, bytes <= Self.maximumRow, let next = try lines.next()
      else { return refuse(first, more, "unclosed quote") }
      more.append(next)
      bytes += next.bytes.count
      guard !next.isTooLong else { return refuse(first, more, "unclosed quote") }
      if let isRow, let fields = Self.fields(next.bytes, delimiter: delimiter), isRow(fields) {
        return refuse(
          first, more, "unclosed quote: line \(next.number) is a row of its own")
      }
      parsing.take(last.ending + next.bytes)
      last = next
    }
    if let problem = parsing.problem { return refuse(first, more, problem) }
    isUnfinished = last.ending.isEmpty
    guard !first.isInvalid, !more.contains(where: \.isInvalid), let fields = parsing.fields else {
      return .refused(line: first.number, reason: parsing.invalidField)
    }
    return .fields(fields, line: first.number)
  }

  private mutating func refuse(
    _ first: ImportLines.Line, _ more: [ImportLines.Line], _ reason: String
  ) -> Row {
    lines.putBack(more)
    return .refused(line: first.number, reason: reason)
  }
}

/// Splits a row, which comes a line at a time, into its fields.
private struct RowParser {
  private static let quote = UInt8(ascii: "\"")

  private enum State { case fieldStart, plain, quoted, quoteInQuoted }

  private let delimiter: UInt8
  private var state = State.fieldStart
  private var done: [[UInt8]] = []
  private var field: [UInt8] = []
  private(set) var problem: String?

  init(delimiter: UInt8) { self.delimiter = delimiter }

  /// Whether a quote is open.
  var isOpen: Bool { state == .quoted && problem == nil }

  /// The fields, where the row is whole.
  var fields: [String]? {
    guard state != .quoted, problem == nil else { return nil }
    var texts: [String] = []
    for bytes in done + [field] {
      guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
      texts.append(text)
    }
    return texts
  }

  /// Which field is not UTF-8.
  var invalidField: String {
    let place = (done + [field]).firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
    return "field \(place + 1) is not UTF-8"
  }

  /// Takes the bytes of a line; behind an open quote, with the line end before it.
  mutating func take(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while let byte = rest.first, problem == nil {
      switch state {
      case .fieldStart where byte == Self.quote:
        state = .quoted
        rest = rest.dropFirst()
      case .fieldStart, .plain:
        state = .plain
        take(from: &rest, upTo: delimiter)
        if !rest.isEmpty { endField(&rest) }
      case .quoted:
        take(from: &rest, upTo: Self.quote)
        if !rest.isEmpty {
          state = .quoteInQuoted
          rest = rest.dropFirst()
        }
      case .quoteInQuoted where byte == Self.quote:
        field.append(byte)
        state = .quoted
        rest = rest.dropFirst()
      case .quoteInQuoted where byte == delimiter: endField(&rest)
      // Blanks that pad a column are no text.
      case .quoteInQuoted where byte == UInt8(ascii: " "): rest = rest.dropFirst()
      case .quoteInQuoted: problem = "text after the closing quote of field \(done.count + 1)"
      }
    }
  }

  private mutating func take(from rest: inout ArraySlice<UInt8>, upTo end: UInt8) {
    let run = rest.prefix { $0 != end }
    field += run
    rest = rest[run.endIndex...]
  }

  private mutating func endField(_ rest: inout ArraySlice<UInt8>) {
    done.append(field)
    field = []
    state = .fieldStart
    rest = rest.dropFirst()
  }
}
