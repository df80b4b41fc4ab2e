import Common

/// One table of the report: what text, CSV and HTML have in common.
struct ReportTable: Sendable {
  /// For files and links: `mismatches`.
  let name: String
  let title: String
  /// For machines: `first_book`. People read them with blanks.
  let columns: [String]
  let rows: [[Cell]]

  /// A value that people and machines read differently.
  enum Cell: Sendable, Equatable {
    /// A text, perhaps from outside.
    case text(String)
    case count(Int)
    /// A number that is a name, like that of a book.
    case number(Int)
    case bytes(Int)
    case share(Int, of: Int)
  }
}

extension ReportTable.Cell {
  /// For people: `1,234`, `47.1 KiB`, `98.5%`; one line, without control characters.
  var human: String {
    switch self {
    case .text(let text): Format.printable(text)
    case .count(let count): Format.count(count)
    case .number(let number): String(number)
    case .bytes(let bytes): Format.bytes(bytes)
    case .share(let part, let whole): Format.percent(part, of: whole)
    }
  }

  /// For machines: `1234`, bytes, and shares from 0 to 1; empty where there is no whole.
  var plain: String {
    switch self {
    case .text(let text): text
    case .count(let number), .number(let number), .bytes(let number): String(number)
    case .share(let part, let whole):
      whole == 0 ? "" : Format.decimal(Double(part) / Double(whole), 6)
    }
  }

  var isText: Bool { if case .text = self { true } else { false } }
}

extension ReportTable {
  /// The column titles as people read them.
  var headings: [String] { columns.map { $0.replacing("_", with: " ") } }

  /// Whether a column holds texts, which stand on the left.
  func isText(_ column: Int) -> Bool { rows.first?[column].isText ?? true }

  /// As lines, the columns lined up; `limit` rows at most, and then how many there are besides.
  func text(limit: Int) -> String {
    let shown = rows.prefix(limit).map { $0.map { String($0.human.prefix(200)) } }
    let widths = columns.indices.map { column in
      ([headings[column]] + shown.map { $0[column] }).map(\.count).max() ?? 0
    }
    var lines = [title]
    for row in [headings] + shown {
      let cells = row.enumerated().map { column, cell in
        isText(column)
          ? Format.padRight(cell, widths[column]) : Format.padLeft(cell, widths[column])
      }
      let line = "  " + cells.joined(separator: "  ")
      lines.append(String(line.reversed().drop { $0 == " " }.reversed()))
    }
    let more = rows.count - shown.count
    if more > 0 { lines.append("  … and \(Format.count(more)) more (--json and --csv have all)") }
    return lines.map { $0 + "\n" }.joined()
  }
}
