import Common

/// One table of the report: what text, CSV and HTML have in common.
package struct ReportTable: Sendable {
  /// For files and links: `mismatches`.
  package let name: String
  let title: String
  /// For machines: `first_book`. People read them with blanks.
  let columns: [String]
  let rows: [[Cell]]

  /// A value that people and machines read differently.
  package enum Cell: Sendable, Equatable {
    /// The index has nothing there: `(none)` for people, nothing for machines.
    case missing
    /// A text, perhaps from outside.
    case text(String)
    case count(Int)
    /// A number that is a name, like that of a book.
    case number(Int)
    case bytes(Int)
    case share(Int, of: Int)
    /// One of the shares that make up a whole, with the percentage that adds up with the others.
    case part(Int, of: Int, String)
  }

  /// Which rows people see where there are too many.
  package enum Ends: Sendable { case first, last }
  /// The newest are the last ones of a table by time.
  let shown: Ends

  /// A table with a cell for each column in each of its rows.
  package init(
    name: String, title: String, columns: [String], rows: [[Cell]], shown: Ends = .first
  ) {
    (self.name, self.title, self.columns) = (name, title, columns)
    (self.rows, self.shown) = (rows, shown)
  }
}

extension ReportTable.Cell {
  /// For people: `1,234`, `47.1 KiB`, `98.5%`; one line, without control characters.
  var human: String {
    switch self {
    case .missing: "(none)"
    case .text(let text): Format.printable(text)
    case .count(let count): Format.count(count)
    case .number(let number): String(number)
    case .bytes(let bytes): Format.bytes(bytes)
    case .share(let part, let whole): Format.percent(part, of: whole)
    case .part(_, _, let percent): percent
    }
  }

  /// For machines: `1234`, bytes, and shares from 0 to 1; empty where there is no whole.
  var plain: String {
    switch self {
    case .missing: ""
    case .text(let text): text
    case .count(let number), .number(let number), .bytes(let number): String(number)
    case .share(let part, let whole), .part(let part, let whole, _):
      whole == 0 ? "" : Format.decimal(Double(part) / Double(whole), 6)
    }
  }

  var isText: Bool { if case .text = self { true } else { false } }

  /// The sum of the cells of a column; empty where they have none.
  static func sum(_ cells: [Self]) -> Self {
    var (count, bytes, part, whole) = (0, 0, 0, 0)
    for cell in cells {
      switch cell {
      case .missing, .text, .number: return .text("")
      case .count(let value): count = count.addingClamped(value)
      case .bytes(let value): bytes = bytes.addingClamped(value)
      case .share(let one, let all):
        part = part.addingClamped(one)
        whole = whole.addingClamped(all)
      case .part(let one, let all, _):
        part = part.addingClamped(one)
        whole = all
      }
    }
    return switch cells.first {
    case .count: .count(count)
    case .bytes: .bytes(bytes)
    default: .share(part, of: whole)
    }
  }
}

extension ReportTable {
  /// The column titles as people read them.
  var headings: [String] { columns.map { $0.replacing("_", with: " ") } }

  /// Whether a column holds texts, which stand on the left.
  func isText(_ column: Int) -> Bool {
    let cells = rows.lazy.map { $0[column] }
    return cells.first { $0 != .missing }?.isText ?? true
  }

  /// The rows that people see, `limit` at most, and, where some are left out, a row with their sums, so
  /// that the columns still add up. It stands where they would.
  func shortened(_ limit: Int) -> [[Cell]] {
    guard rows.count > limit else { return rows }
    let left = shown == .first ? rows.dropFirst(limit) : rows.dropLast(limit)
    let what = shown == .first ? "more" : "earlier"
    let sums = columns.indices.map { column in
      column == 0
        ? Cell.text("… \(Format.count(left.count)) \(what)") : Cell.sum(left.map { $0[column] })
    }
    return shown == .first ? rows.prefix(limit) + [sums] : [sums] + rows.suffix(limit)
  }

  /// As lines, the columns lined up; `limit` rows at most, and the sums of what there is besides.
  func text(limit: Int) -> String {
    let shown = shortened(limit).map { $0.map { String($0.human.prefix(200)) } }
    let widths = columns.indices.map { column in
      ([headings[column]] + shown.map { $0[column] }).map { Format.width($0) }.max() ?? 0
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
    if rows.count > limit { lines.append("  (--json and --csv have all)") }
    return lines.map { $0 + "\n" }.joined()
  }
}
