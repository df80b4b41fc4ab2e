import Common
import Glibc

/// Rows to be imported, from a file in one of three formats.
public struct ImportReader {
  /// How rows are written.
  public enum Layout: String, Sendable, CaseIterable {
    /// Comma-separated, with a header.
    case csv
    /// Tab-separated, otherwise like `csv`.
    case tsv
    /// One JSON object per line.
    case jsonl

    /// What a file's name ends with, but for `.gz`; `csv` for anything else.
    public init(path: String) {
      var endings = path.lowercased().split(separator: ".")
      if endings.count > 1, endings.last == "gz" { endings.removeLast() }
      let ending = endings.last
      self = ending == "tsv" ? .tsv : ["jsonl", "ndjson"].contains(ending) ? .jsonl : .csv
    }
  }

  /// What was read.
  public enum Item: Sendable {
    /// A row, and the line that it starts on, counted from 1.
    case row(ImportedRow, line: Int)
    /// A row that cannot be read, and why.
    case refused(line: Int, reason: String)
  }

  // One of the two reads.
  private var table: CSVReader?
  private var lines: LineReader?
  private var columns: [String?] = []
  private let map: ColumnMap
  private let ignoresUnknown: Bool
  private var line = 0

  /// Reads from `descriptor`, which stays the caller's. Throws where the header is not one of ours:
  /// a column is unknown (unless `ignoringUnknown`), there twice, or missing.
  public init(
    descriptor: Int32, layout: Layout, map: ColumnMap = ColumnMap(), ignoringUnknown: Bool = false,
    stop: Stop? = nil
  ) throws(Fatal) {
    self.map = map
    ignoresUnknown = ignoringUnknown
    guard layout != .jsonl else {
      lines = LineReader(descriptor: descriptor, stop: stop, grace: 0)
      return
    }
    var reader = CSVReader(
      descriptor: descriptor, delimiter: UInt8(ascii: layout == .tsv ? "\t" : ","), stop: stop)
    guard let header = try reader.next() else {
      throw Fatal(.configuration, "the file to import is empty; expected a header with columns")
    }
    guard case .fields(let names, _) = header else {
      throw Fatal(.configuration, "the header of the file to import cannot be read")
    }
    try map.check(against: names)
    columns = try Self.columns(names, map, ignoringUnknown)
    table = reader
  }

  private static func columns(
    _ names: [String], _ map: ColumnMap, _ ignoringUnknown: Bool
  ) throws(Fatal) -> [String?] {
    var columns: [String?] = []
    var unknown: [String] = []
    for name in names {
      switch map.meaning(of: name) {
      case .column(let column) where columns.contains(column):
        throw Fatal(.configuration, "the column \(column) is there twice in the header")
      case .column(let column): columns.append(column)
      case .passedOver: columns.append(nil)
      case .unknown:
        columns.append(nil)
        unknown.append(Format.quoted(name))
      }
    }
    guard unknown.isEmpty || ignoringUnknown else {
      throw Fatal(
        .configuration,
        "unknown columns in the header: \(unknown.joined(separator: ", ")); "
          + "--map says what they are, --ignore-unknown-columns leaves them out, docs/index.md "
          + "lists the known ones")
    }
    let missing = ImportedColumns.required.filter { !columns.contains($0) }
    guard missing.isEmpty else {
      throw Fatal(
        .configuration, "the header lacks the columns \(missing.joined(separator: ", "))")
    }
    return columns
  }

  /// The next row, or `nil` at the end. Throws where reading fails.
  public mutating func next() throws(Fatal) -> Item? {
    if let row = try table?.next() { return item(row) }
    while let next = try lines?.next() {
      line += 1
      if next != .line([]) { return item(next) }
    }
    return nil
  }

  private func item(_ row: CSVReader.Row) -> Item {
    switch row {
    case .refused(let line, let reason): return .refused(line: line, reason: reason)
    case .fields(let fields, let line):
      guard fields.count == columns.count else {
        return .refused(
          line: line, reason: "\(fields.count) fields, and the header has \(columns.count)")
      }
      var texts: [String: String] = [:]
      texts.reserveCapacity(fields.count + 1)
      for (column, text) in zip(columns, fields) {
        if let column { texts[column] = text }
      }
      return Self.checked(texts, line)
    }
  }

  private static func checked(_ texts: [String: String], _ line: Int) -> Item {
    do throws(ImportProblem) { return .row(try ImportedRow(checking: texts), line: line) } catch {
      return .refused(line: line, reason: error.description)
    }
  }

  private func item(_ next: LineReader.Line) -> Item {
    guard case .line(let bytes) = next else {
      let limit = Format.bytes(LineReader.maximumLine)
      return .refused(line: line, reason: "longer than \(limit)")
    }
    do {
      guard let object = try JSON(parsing: bytes).object else {
        throw ImportProblem("not a JSON object")
      }
      return Self.checked(try texts(object), line)
    } catch {
      return .refused(line: line, reason: "\(error)")
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
          throw ImportProblem("\(column) is there twice")
        case .null: continue
        case .bool(let value): texts[column] = value ? "true" : "false"
        case .string, .number: texts[column] = member.value.text
        case .array, .object:
          throw ImportProblem("\(column) has to be a text or a number")
        }
      }
    }
    return texts
  }
}
