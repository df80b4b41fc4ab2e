import Common
import Glibc

/// Rows to be imported, from a file as people export it: delimited text or JSON, in whatever encoding.
/// What it is, it shows itself; ``understanding`` says what was seen.
package struct ImportReader {
  /// How rows are written.
  package enum Layout: String, Sendable, CaseIterable {
    /// Delimited, with a header.
    case csv
    /// Tab-separated, otherwise like `csv`.
    case tsv
    /// One JSON object per line, or one array of objects.
    case jsonl

    /// What a file's name ends with, but for `.gz`; `csv` for anything else.
    package init(path: String) {
      var endings = path.lowercased().split(separator: ".")
      if endings.count > 1, endings.last == "gz" { endings.removeLast() }
      let ending = endings.last
      self = ending == "tsv" ? .tsv : ["json", "jsonl", "ndjson"].contains(ending) ? .jsonl : .csv
    }
  }

  /// What is known of a file besides its name.
  package struct Options: Sendable {
    /// What its columns are in the index.
    package var map = ColumnMap()
    /// Columns that the index does not know are left out.
    package var ignoresUnknown = false
    /// How it is written; by default what it looks like.
    package var layout: Layout?
    /// What is between its fields; by default what it looks like.
    package var delimiter: UInt8?
    /// What it is encoded in; by default what it looks like.
    package var encoding: TextEncoding?
    /// How its texts are read.
    package var rules = ImportRules()

    /// Nothing: the file shows it.
    package init() {}
  }

  package enum Item: Sendable {
    /// A row, and the line that it starts on, counted from 1.
    case row(ImportedRow, line: Int)
    /// A row that cannot be read, and why.
    case refused(line: Int, reason: String)
  }

  /// What was understood of the file, in one line for people.
  package let understanding: String
  /// What was noticed so far.
  package var notes: ImportNotes {
    var notes = checker.notes
    notes.recodedLines = table?.recodedLines ?? lines?.recoded ?? 0
    return notes
  }

  // One of the three reads. (As cases of one enum, each would be copied when it reads on.)
  private var table: ImportTable?
  private var lines: ImportLines?
  private var array: JSONElements?
  private var checker: ImportChecker
  private let map: ColumnMap
  private let ignoresUnknown: Bool

  /// Reads from `descriptor`, which stays the caller's; `name` is what the file is called. Throws
  /// where the header is unsuitable: a column is unknown (unless ignored), appears twice, or
  /// missing.
  package init(
    descriptor: Int32, named name: String = "-", _ options: Options = Options(),
    stop: ShutdownSignal? = nil
  ) throws(Fatal) {
    map = options.map
    ignoresUnknown = options.ignoresUnknown
    checker = ImportChecker(options.rules)
    let text = try ImportText(descriptor: descriptor, encoding: options.encoding, stop: stop)
    try text.refuseBinary()
    let layout = options.layout ?? Layout(path: name)
    let isObject = text.beginning.first == UInt8(ascii: "{")
    let isArray = JSONElements.isArray(text.beginning)
    if layout == .jsonl && isArray || options.layout == nil && isArray && !text.beginning.isEmpty {
      array = JSONElements(text)
      understanding = "a JSON array" + text.encodingInWords
    } else if layout == .jsonl || options.layout == nil && isObject {
      lines = ImportLines(text)
      understanding = "JSON lines" + text.encodingInWords
    } else {
      let table = try ImportTable(
        ImportLines(text), options, usual: layout == .tsv ? 0x09 : 0x2C)
      checker.rules = table.rules
      understanding = table.understanding
      self.table = table
    }
  }

  /// The next row, or `nil` at the end. Throws where reading fails.
  package mutating func next() throws(Fatal) -> Item? {
    if let row = try table?.next(&checker) { return row }
    while let line = try lines?.next() {
      if !line.bytes.allSatisfy({ $0 <= 0x20 }) { return item(line) }
    }
    switch try array?.next() {
    case .value(let bytes, let line)?: return object(bytes, line)
    case .refused(let line, let reason)?: return .refused(line: line, reason: reason)
    case nil: return nil
    }
  }

  private mutating func item(_ line: ImportLines.Line) -> Item {
    guard !line.isTooLong else {
      let limit = Format.bytes(ImportLines.maximum)
      return .refused(line: line.number, reason: "longer than \(limit)")
    }
    return object(line.bytes, line.number)
  }

  private mutating func object(_ bytes: [UInt8], _ line: Int) -> Item {
    do {
      guard let object = try JSON(parsing: bytes).object else {
        throw ImportProblem("not a JSON object")
      }
      return checker.item(try texts(object), line)
    } catch {
      return .refused(line: line, reason: Format.reason(error))
    }
  }

  private func texts(_ object: JSONObject) throws(ImportProblem) -> [String: String] {
    var texts: [String: String] = [:]
    for member in object.members {
      switch map.meaning(of: member.name) {
      case .passedOver: continue
      case .unknown:
        guard ignoresUnknown else {
          throw ImportProblem("unknown column \(Format.quoted(member.name))")
        }
      case .column(let column):
        switch member.value {
        case _ where texts[column] != nil:
          throw ImportProblem("\(column) appears twice")
        case .null: continue
        case .bool(let value): texts[column] = value ? "true" : "false"
        case .string, .number: texts[column] = member.value.text
        case .array, .object:
          guard ImportedColumns.identifying.contains(column) else {
            texts[column] = member.value.description
            continue
          }
          throw ImportProblem("\(column) must be a string or a number")
        }
      }
    }
    return texts
  }
}
