import Common

/// Rows of comma-separated values (RFC 4180), however the bytes come in pieces, with bounded memory.
///
/// Fields may be quoted and then hold delimiters, line ends and doubled quotes. Lines end with LF or
/// CRLF, the last one may lack its end; empty lines are passed over, as is a byte order mark. A quote
/// inside an unquoted field is itself: exports write `AFFIDAVIT "T"` that way. What is wrong costs its
/// row only; reading goes on with the next line.
public struct CSVReader {
  /// Longest row, in bytes.
  public static let maximumRow = 1 << 20

  /// What was read.
  public enum Row: Sendable, Equatable {
    /// The fields of a row that starts on `line`, counted from 1.
    case fields([String], line: Int)
    /// A row that cannot be read, and why.
    case refused(line: Int, reason: String)
  }

  private enum State { case fieldStart, plain, quoted, quoteInQuoted, carriageReturn, skipping }

  private static let quote = UInt8(ascii: "\"")
  private static let newline = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  private let delimiter: UInt8
  private var input: InputBytes
  private var state = State.fieldStart
  private var fields: [String] = []
  private var field: [UInt8] = []
  private var bytesOfRow = 0
  private var problem: String?
  private var hasQuotes = false
  private var line = 1
  private var firstLine = 1
  private var isStart = true

  /// Reads from `descriptor`, which stays the caller's, until its end or until `stop` is requested.
  public init(descriptor: Int32, delimiter: UInt8 = UInt8(ascii: ","), stop: Stop? = nil) {
    input = InputBytes(descriptor: descriptor, stop: stop)
    self.delimiter = delimiter
  }

  /// The next row, or `nil` at the end of the input. Throws where reading fails.
  public mutating func next() throws(Fatal) -> Row? {
    if isStart { try skipByteOrderMark() }
    while true {
      if input.rest.isEmpty, try !input.fill() { return atEnd() }
      if let row = step() { return row }
    }
  }

  private mutating func skipByteOrderMark() throws(Fatal) {
    isStart = false
    while input.rest.count < 3, try input.fill() {}
    if input.buffer[input.rest].starts(with: [0xEF, 0xBB, 0xBF]) {
      input.rest = input.rest.lowerBound + 3..<input.rest.upperBound
    }
  }

  /// Takes a run of bytes that mean nothing, or one that does. Returns a row that it completes.
  private mutating func step() -> Row? {
    let byte = input.buffer[input.rest.lowerBound]
    switch state {
    case .fieldStart where byte == Self.quote:
      state = .quoted
      hasQuotes = true
      advance(1)
    case .fieldStart, .plain:
      return plain()
    case .quoted:
      take(upTo: Self.quote, or: Self.quote)
      guard !input.rest.isEmpty, state == .quoted else { return nil }
      state = .quoteInQuoted
      advance(1)
    case .quoteInQuoted where byte == Self.quote:
      field.append(byte)
      state = .quoted
      advance(1)
    case .quoteInQuoted where byte == delimiter:
      endField()
      advance(1)
    case .quoteInQuoted where byte == Self.carriageReturn:
      state = .carriageReturn
      advance(1)
    case .quoteInQuoted where byte == Self.newline, .carriageReturn where byte == Self.newline:
      return endRow()
    case .quoteInQuoted, .carriageReturn:
      problem = problem ?? "text after the closing quote of field \(fields.count + 1)"
      state = .skipping
    case .skipping:
      let newline = input.buffer[input.rest].firstIndex(of: Self.newline)
      advance((newline ?? input.rest.upperBound) - input.rest.lowerBound)
      if newline != nil { return endRow() }
    }
    return nil
  }

  private mutating func plain() -> Row? {
    state = .plain
    take(upTo: delimiter, or: Self.newline)
    guard state == .plain, !input.rest.isEmpty else { return nil }
    if input.buffer[input.rest.lowerBound] == delimiter {
      endField()
      advance(1)
      return nil
    }
    if field.last == Self.carriageReturn { field.removeLast() }
    return endRow()
  }

  /// Takes the bytes before the first `end` or `other` into the field, as far as the row may grow.
  private mutating func take(upTo end: UInt8, or other: UInt8) {
    let rest = input.buffer[input.rest]
    let stop = rest.firstIndex { $0 == end || $0 == other } ?? rest.endIndex
    let run = rest[..<stop]
    bytesOfRow += run.count + 1
    guard bytesOfRow <= Self.maximumRow else {
      problem = problem ?? "longer than \(Format.bytes(Self.maximumRow)), or an unclosed quote"
      state = .skipping
      return
    }
    if state == .quoted { line += run.count { $0 == Self.newline } }
    field += run
    advance(run.count)
  }

  private mutating func advance(_ count: Int) {
    input.rest = input.rest.lowerBound + count..<input.rest.upperBound
  }

  private mutating func endField() {
    if let text = String(validating: field, as: UTF8.self) {
      fields.append(text)
    } else {
      problem = problem ?? "field \(fields.count + 1) is not UTF-8"
    }
    field.removeAll(keepingCapacity: true)
    state = .fieldStart
  }

  /// Ends the row at its line end, which is next, or at the end of the input.
  private mutating func endRow() -> Row? {
    endField()
    if !input.rest.isEmpty { advance(1) }
    defer {
      line += 1
      firstLine = line
      fields = []
      problem = nil
      hasQuotes = false
      bytesOfRow = 0
    }
    if let problem { return .refused(line: firstLine, reason: problem) }
    if fields == [""], !hasQuotes { return nil }
    return .fields(fields, line: firstLine)
  }

  private mutating func atEnd() -> Row? {
    switch state {
    case .fieldStart where fields.isEmpty: return nil
    case .quoted: problem = problem ?? "a quote that is never closed"
    case .plain where field.last == Self.carriageReturn: field.removeLast()
    default: break
    }
    return endRow()
  }
}
