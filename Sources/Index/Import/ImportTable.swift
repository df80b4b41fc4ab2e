import Common

/// A table as people export it: what its header and its first rows show, then row after row.
struct ImportTable {
  /// Lines that are looked at before the first row is read.
  private static let sample = 500

  /// How its texts are read, with what the sample shows of its dates.
  let rules: ImportRules
  /// What was understood of it, in one line for people:
  /// `columns between semicolons, UTF-16LE, header on line 2: source, book, "Recorded On" is file_date`.
  let understanding: String
  /// Lines that were read as Windows-1252, because they are not UTF-8.
  var recodedLines: Int { reader.lines.recoded }

  private var reader: CSVReader
  private let header: [String]
  /// What each field is in the index; `nil` for one that is left out.
  private let columns: [String?]

  /// Finds the header. `usual` is what is between the fields where the sample does not show it. Throws where
  /// the header is unsuitable, or reading fails.
  init(
    _ lines: ImportLines, _ options: ImportReader.Options, usual: UInt8
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
    var beginning = CSVReader(lines, delimiter: found.delimiter)
    guard case .fields(let names, let line)? = try beginning.next() else {
      throw Fatal(.configuration, "cannot read the header of the file to import")
    }
    let columns = try options.map.columns(
      of: names, ignoringUnknown: options.ignoresUnknown)
    let dates = Self.dates(
      in: sample.filter { $0.number > line }, found.delimiter, columns)
    var rules = options.rules
    rules.dates.learn(from: dates)
    var text = "a table with \(TableSniffer.name(of: found.delimiter))" + lines.text.encodingInWords
    if line > 1 { text += ", its header on line \(line)" }
    text += "; " + Self.describe(names, columns)
    if columns.contains(where: { $0.map(ImportedColumns.isDate) ?? false }),
      let order = rules.dates.describe(
        hasAmbiguous: dates.contains(where: DateReader.isAmbiguous), sample: Self.sample)
    {
      text += "; " + order
    }
    understanding = text
    header = names.map(ImportedColumns.folded)
    self.columns = columns
    self.rules = rules
    reader = CSVReader(beginning.lines, delimiter: found.delimiter) { [rules] fields in
      Self.isRow(fields, columns, rules)
    }
  }

  /// The next row, or `nil` at the end. Throws where reading fails.
  mutating func next(_ checker: inout ImportChecker) throws(Fatal) -> ImportReader.Item? {
    while let row = try reader.next() {
      switch row {
      case .refused(let line, let reason): return .refused(line: line, reason: reason)
      case .fields(let fields, let line):
        if let item = item(fields, line, &checker) { return item }
      }
    }
    return nil
  }

  /// `nil` for what is no row: a comment, a blank one, the header once more.
  private func item(
    _ fields: [String], _ line: Int, _ checker: inout ImportChecker
  ) -> ImportReader.Item? {
    var fields = fields
    if fields.allSatisfy(Self.isBlank) {
      checker.notes.blankRows += 1
      return nil
    }
    // `\.` ends what PostgreSQL's COPY writes.
    if fields.count != columns.count, fields[0].hasPrefix("#") || fields == ["\\."] {
      checker.notes.comments += 1
      return nil
    }
    if fields.map(ImportedColumns.folded) == header {
      checker.notes.repeatedHeaders += 1
      return nil
    }
    while fields.count > columns.count, fields.last?.trimmed.isEmpty == true {
      fields.removeLast()
    }
    let count = "\(fields.count) fields instead of \(columns.count)"
    guard fields.count <= columns.count else { return .refused(line: line, reason: count) }
    guard fields.count == columns.count || !reader.isUnfinished else {
      return .refused(line: line, reason: "the file ends in this row: \(count)")
    }
    var texts: [String: String] = [:]
    texts.reserveCapacity(fields.count + 1)
    for (column, text) in zip(columns, fields) {
      if let column { texts[column] = text }
    }
    let item = checker.item(texts, line)
    guard fields.count < columns.count else { return item }
    guard case .refused(_, let reason) = item else {
      checker.notes.shortRows += 1
      return item
    }
    return .refused(line: line, reason: "\(reason): \(count)")
  }

  /// Blanks, and what old systems end or pad a file with: Ctrl+Z, NULs.
  private static func isBlank(_ field: String) -> Bool {
    field.trimmed.unicodeScalars.allSatisfy { $0.value <= 0x20 }
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

  /// What the sample has in columns of dates.
  private static func dates(
    in sample: [ImportLines.Line], _ delimiter: UInt8, _ columns: [String?]
  ) -> [String] {
    let places = columns.indices.filter { columns[$0].map(ImportedColumns.isDate) ?? false }
    return sample.flatMap { line -> [String] in
      let fields = CSVReader.fields(line.bytes, delimiter: delimiter) ?? []
      return places.filter { $0 < fields.count }.map { fields[$0] }
    }
  }

  private static func describe(_ names: [String], _ columns: [String?]) -> String {
    var known: [String] = []
    var others: [String] = []
    for (name, column) in zip(names, columns) {
      guard let column else {
        if !name.trimmed.isEmpty { others.append(Format.quoted(name)) }
        continue
      }
      known.append(
        ImportedColumns.folded(name) == column ? column : "\(Format.quoted(name)) is \(column)")
    }
    let text = "columns: " + known.joined(separator: ", ")
    return others.isEmpty ? text : text + "; left out: " + others.joined(separator: ", ")
  }
}
