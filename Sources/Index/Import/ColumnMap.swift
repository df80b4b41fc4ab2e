import Common

/// What the columns of a file to import are in the index, where their names do not say it:
/// `Recorded On=file_date`.
package struct ColumnMap: Sendable, Equatable {
  /// Names of columns in the file, as ``ImportedColumns`` compares them, and in the index; `nil` for
  /// one that is left out.
  private var columns: [String: String?] = [:]

  /// No map: names speak for themselves.
  package init() {}

  /// Reads `HEADER=COLUMN` for each column; `HEADER=` leaves one out. Throws what is wrong with one.
  package init(_ texts: [String]) throws(Fatal) {
    for text in texts {
      // Names of columns have no equals sign; what people write into a spreadsheet may.
      guard let sign = text.lastIndex(of: "="), sign != text.startIndex else {
        throw Fatal(.usage, "--map must be HEADER=COLUMN, not \(Format.quoted(text))")
      }
      let header = ImportedColumns.folded(String(text[..<sign]))
      let name = ImportedColumns.folded(String(text[text.index(after: sign)...]))
      var column: String?
      if !name.isEmpty {
        guard case .column(let known) = ImportedColumns.meaning(of: name) else {
          throw Fatal(
            .usage,
            "--map \(Format.quoted(text)): the index has no column \(Format.quoted(name)) to "
              + "import into; there are \(ImportedColumns.all.map(\.name).joined(separator: ", "))")
        }
        column = known
      }
      guard columns.updateValue(column, forKey: header) == nil else {
        throw Fatal(.usage, "--map names the column \(Format.quoted(header)) twice")
      }
    }
  }

  /// What a name in the file stands for.
  func meaning(of name: String) -> ImportedColumns.Meaning {
    guard let mapped = columns[ImportedColumns.folded(name)] else {
      return ImportedColumns.meaning(of: name)
    }
    return mapped.map { .column($0) } ?? .passedOver
  }

  /// What the columns of a header are in the index; `nil` for those that are left out. Throws where the header
  /// is unsuitable: a column is unknown (unless ignored), appears twice, or is missing.
  func columns(of header: [String], ignoringUnknown: Bool) throws(Fatal) -> [String?] {
    try check(against: header)
    var columns: [String?] = []
    var unknown: [String] = []
    for (place, name) in header.enumerated() {
      switch meaning(of: name) {
      case .column(let column):
        if let other = columns.firstIndex(of: column) {
          throw Fatal(
            .configuration,
            "the column \(column) appears twice in the header: field \(other + 1), "
              + "\(Format.quoted(header[other])), and field \(place + 1), \(Format.quoted(name)). "
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

  /// Throws where it names columns that a header does not have: most likely mistyped.
  private func check(against header: [String]) throws(Fatal) {
    let missing = Set(columns.keys).subtracting(header.map(ImportedColumns.folded)).sorted()
    guard missing.isEmpty else {
      throw Fatal(
        .configuration,
        "--map names columns that the file does not have: "
          + missing.map { Format.quoted($0) }.joined(separator: ", ") + "; it has "
          + header.map { Format.quoted($0) }.joined(separator: ", "))
    }
  }
}
