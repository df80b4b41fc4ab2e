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

  /// Lines that are looked at before the first row is read.
  private static let sample = 500

  /// What was understood of the file, in one line for people.
  package private(set) var understanding = ""
  /// What was noticed so far.
  package var notes: ImportNotes {
    var notes = noticed
    notes.recodedLines = table?.lines.recoded ?? lines?.recoded ?? 0
    return notes
  }

  // One of the three reads.
  private var table: CSVReader?
  private var lines: ImportLines?
  private var array: JSONElements?
  private var noticed = ImportNotes()
  private var header: [String] = []
  private var columns: [String?] = []
  private let map: ColumnMap
  private let ignoresUnknown: Bool
  private var rules: ImportRules

  /// Reads from `descriptor`, which stays the caller's; `name` is what the file is called. Throws
  /// where the header is unsuitable: a column is unknown (unless ignored), appears twice, or
  /// missing.
  package init(
    descriptor: Int32, named name: String = "-", _ options: Options = Options(),
    stop: ShutdownSignal? = nil
  ) throws(Fatal) {
    map = options.map
    ignoresUnknown = options.ignoresUnknown
    rules = options.rules
    let text = try ImportText(descriptor: descriptor, encoding: options.encoding, stop: stop)
    try Self.refuseBinary(text.beginning)
    let layout = options.layout ?? Layout(path: name)
    let isObject = text.beginning.first == UInt8(ascii: "{")
    let isArray = JSONElements.isArray(text.beginning)
    if layout == .jsonl && isArray || options.layout == nil && isArray && !text.beginning.isEmpty {
      array = JSONElements(text)
      understanding = "a JSON array" + Self.words(text.encoding)
    } else if layout == .jsonl || options.layout == nil && isObject {
      lines = ImportLines(text)
      understanding = "JSON lines" + Self.words(text.encoding)
    } else {
      try openTable(ImportLines(text), options, usual: layout == .tsv ? 0x09 : 0x2C)
    }
  }

  private mutating func openTable(
    _ lines: ImportLines, _ options: Options, usual: UInt8
  ) throws(Fatal) {
    var lines = lines
    var sample: [ImportLines.Line] = []
    while sample.count < Self.sample, let line = try lines.next() { sample.append(line) }
    guard sample.contains(where: { !$0.bytes.isEmpty }) else {
      throw Fatal(.configuration, "the file to import is empty: expected a header with columns")
    }
    let given = options.delimiter ?? (options.layout == .tsv ? 0x09 : nil)
    let found = TableSniffer.find(sample, given: given, usual: usual) { name in
      if case .column = options.map.meaning(of: name) { true } else { false }
    }
    lines.putBack(sample.filter { $0.number > found.preamble })
    var reader = CSVReader(lines, delimiter: found.delimiter)
    guard case .fields(let names, let line)? = try reader.next() else {
      throw Fatal(.configuration, "cannot read the header of the file to import")
    }
    try map.check(against: names)
    header = names.map(ImportedColumns.folded)
    columns = try Self.columns(names, map, ignoresUnknown)
    learnDates(sample.filter { $0.number > line }, found.delimiter)
    understanding = describe(names, line, found.delimiter, lines.text.encoding)
    table = CSVReader(reader.lines, delimiter: found.delimiter) { [columns, rules] fields in
      Self.isRow(fields, columns, rules)
    }
  }

  /// Whether the fields of a line are those of a row beyond doubt: as many as the header has, with
  /// what identifies a document.
  private static func isRow(
    _ fields: [String], _ columns: [String?], _ rules: ImportRules
  ) -> Bool {
    guard fields.count == columns.count else { return false }
    return ImportedColumns.required.allSatisfy { name in
      guard let place = columns.firstIndex(of: name) else { return false }
      return (try? ImportedColumns.clean(fields[place], name, rules)) ?? nil != nil
    }
  }

  private mutating func learnDates(_ lines: [ImportLines.Line], _ delimiter: UInt8) {
    let places = columns.indices.filter { place in
      columns[place].map(ImportedColumns.isDate) ?? false
    }
    rules.dates.learn(
      from: lines.flatMap { line -> [String] in
        let fields = CSVReader.fields(line.bytes, delimiter: delimiter) ?? []
        return places.filter { $0 < fields.count }.map { fields[$0] }
      })
    hasDates = !places.isEmpty
    hasAmbiguousDays = lines.contains { line in
      let fields = CSVReader.fields(line.bytes, delimiter: delimiter) ?? []
      return places.contains { $0 < fields.count && DateReader.isAmbiguous(fields[$0]) }
    }
  }

  private var hasDates = false
  private var hasAmbiguousDays = false

  private static func columns(
    _ names: [String], _ map: ColumnMap, _ ignoringUnknown: Bool
  ) throws(Fatal) -> [String?] {
    var columns: [String?] = []
    var unknown: [String] = []
    for (place, name) in names.enumerated() {
      switch map.meaning(of: name) {
      case .column(let column):
        if let other = columns.firstIndex(of: column) {
          throw Fatal(
            .configuration,
            "the column \(column) appears twice in the header: field \(other + 1), "
              + "\(Format.quoted(names[other])), and field \(place + 1), \(Format.quoted(name)). "
              + "Rename one, or leave it out (--map 'NAME=').")
        }
        columns.append(column)
      case .passedOver: columns.append(nil)
      case .unknown:
        columns.append(nil)
        unknown.append(Format.quoted(name))
      }
    }
    guard unknown.isEmpty || ignoringUnknown else {
      throw Fatal(
        .configuration,
        "unknown columns in the header: \(unknown.joined(separator: ", ")). "
          + "Name them with --map, or skip them with --ignore-unknown-columns; docs/index.md lists the "
          + "known columns.")
    }
    let missing = ImportedColumns.required.filter { !columns.contains($0) }
    guard missing.isEmpty else {
      throw Fatal(
        .configuration, "the header lacks the columns \(missing.joined(separator: ", "))")
    }
    return columns
  }

  /// The next row, or `nil` at the end. Throws where reading fails.
  package mutating func next() throws(Fatal) -> Item? {
    while let row = try table?.next() {
      if let item = item(row, isUnfinished: table?.isUnfinished ?? false) { return item }
    }
    while let line = try lines?.next() {
      if !line.bytes.allSatisfy({ $0 <= 0x20 }) { return item(line) }
    }
    switch try array?.next() {
    case .value(let bytes, let line)?: return object(bytes, line)
    case .refused(let line, let reason)?: return .refused(line: line, reason: reason)
    case nil: break
    }
    return nil
  }

  /// `nil` for what is no row: a comment, a blank one, the header once more.
  private mutating func item(_ row: CSVReader.Row, isUnfinished: Bool) -> Item? {
    switch row {
    case .refused(let line, let reason): return .refused(line: line, reason: reason)
    case .fields(var fields, let line):
      if fields.allSatisfy(Self.isBlank) {
        noticed.blankRows += 1
        return nil
      }
      // `\.` ends what PostgreSQL's COPY writes.
      if fields.count != columns.count, fields[0].hasPrefix("#") || fields == ["\\."] {
        noticed.comments += 1
        return nil
      }
      if fields.map(ImportedColumns.folded) == header {
        noticed.repeatedHeaders += 1
        return nil
      }
      while fields.count > columns.count, fields.last?.trimmed.isEmpty == true {
        fields.removeLast()
      }
      guard fields.count <= columns.count else {
        return .refused(line: line, reason: count(fields))
      }
      guard fields.count == columns.count || !isUnfinished else {
        return .refused(line: line, reason: "the file ends in this row: \(count(fields))")
      }
      var texts: [String: String] = [:]
      texts.reserveCapacity(fields.count + 1)
      for (column, text) in zip(columns, fields) {
        if let column { texts[column] = text }
      }
      let isShort = fields.count < columns.count
      let count = count(fields)
      let item = checked(texts, line) { isShort ? "\($0): \(count)" : $0 }
      if isShort, case .row = item { noticed.shortRows += 1 }
      return item
    }
  }

  /// Blanks, and what old systems end or pad a file with: Ctrl+Z, NULs.
  private static func isBlank(_ field: String) -> Bool {
    field.trimmed.unicodeScalars.allSatisfy { $0.value <= 0x20 }
  }

  private func count(_ fields: [String]) -> String {
    "\(fields.count) fields instead of \(columns.count)"
  }

  private mutating func checked(
    _ texts: [String: String], _ line: Int, _ words: (String) -> String = { $0 }
  ) -> Item {
    do throws(ImportProblem) {
      let (row, unreadable) = try ImportedRow.checking(texts, rules)
      noticed.leftOut(unreadable, line: line)
      if !rules.dates.isGiven, rules.dates.order == .monthFirst {
        noticed.contradictingDays += unreadable.count {
          ImportedColumns.isDate($0.column) && DateReader.isDayFirst($0.text)
        }
      }
      return .row(row, line: line)
    } catch {
      return .refused(line: line, reason: words(error.description))
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
      return checked(try texts(object), line)
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

extension ImportReader {
  /// Files that are no text, by how they begin.
  private static let binaries: [(beginning: [UInt8], name: String)] = [
    (Array("PK\u{03}\u{04}".utf8), "a ZIP archive or a spreadsheet"),
    ([0xD0, 0xCF, 0x11, 0xE0], "an old Excel workbook (.xls)"), (Array("PAR1".utf8), "Parquet"),
    (Array("SQLite format 3\0".utf8), "a SQLite database"), (Array("%PDF-".utf8), "a PDF"),
    ([0x28, 0xB5, 0x2F, 0xFD], "packed with zstd"), (Array("BZh".utf8), "packed with bzip2"),
    ([0xFD, 0x37, 0x7A, 0x58], "packed with xz"),
  ]

  private static func refuseBinary(_ beginning: [UInt8]) throws(Fatal) {
    guard let binary = binaries.first(where: { beginning.starts(with: $0.beginning) }) else {
      return
    }
    throw Fatal(
      .configuration,
      "the file to import is \(binary.name), not text. Name an .xlsx file by its path, or export "
        + "it as CSV.")
  }

  private static func words(_ encoding: TextEncoding?) -> String {
    encoding.map { " in \($0.rawValue)" } ?? ""
  }

  /// `columns between semicolons, UTF-16LE, header on line 2: source, book, "Recorded On" is file_date`.
  private func describe(
    _ names: [String], _ line: Int, _ delimiter: UInt8, _ encoding: TextEncoding?
  ) -> String {
    var columns: [String] = []
    var others: [String] = []
    for (name, column) in zip(names, self.columns) {
      guard let column else {
        if !name.trimmed.isEmpty { others.append(Format.quoted(name)) }
        continue
      }
      columns.append(
        ImportedColumns.folded(name) == column ? column : "\(Format.quoted(name)) is \(column)")
    }
    var text = "a table with \(TableSniffer.name(of: delimiter))" + Self.words(encoding)
    if line > 1 { text += ", its header on line \(line)" }
    text += "; columns: " + columns.joined(separator: ", ")
    if !others.isEmpty { text += "; left out: " + others.joined(separator: ", ") }
    if hasDates, let dates = describeDates() { text += "; " + dates }
    return text
  }

  private func describeDates() -> String? {
    let dates = rules.dates
    switch dates.order {
    case nil:
      return "dates have the month first and the day first: those with two readings are left empty "
        + "(--date-format decides)"
    case .dayFirst?: return "dates like 3/4/1951 have the day first"
    case .yearFirst?: return "dates have the year first"
    case .excel?: return "dates that are numbers are Excel's"
    case .monthFirst? where dates.isProven || dates.isGiven:
      return "dates like 3/4/1951 have the month first"
    case .monthFirst?:
      return hasAmbiguousDays
        ? "dates like 3/4/1951 are taken to have the month first, which no date in the first "
          + "\(Self.sample) lines shows; --date-format dmy reads the day first" : nil
    }
  }
}
