import Common
import Index

extension Report {
  /// Rows of a table that are shown to people.
  private static let shownRows = 20

  /// The report for people, as of the wall-clock time `now` (nanoseconds since 1970).
  package func text(now: Int64) -> String {
    var pace = TextTable()
    pace.row("Documents", status.total)
    paceRows(&pace, now)
    let tables = self.tables.filter { !$0.rows.isEmpty }.map { $0.text(limit: Self.shownRows) }
    return ([pace.text] + tables).joined(separator: "\n")
  }

  private func paceRows(_ table: inout TextTable, _ now: Int64) {
    table.row("Completed in the last hour", completedLastHour)
    table.row("Completed in the last day", completedLastDay)
    if status.pending + status.inProgress == 0 {
      table.row("Estimated end", "nothing left")
    } else if let estimate = Estimate(self) {
      let left = Format.duration(seconds: estimate.seconds)
      table.row("Estimated time left", left)
      if let end = estimate.end(now) {
        table.heading("  (\(end), at \(Format.rate(estimate.perHour)) per hour)")
      }
    } else {
      table.row("Estimated end", "not known", "(too little in the last six hours)")
    }
    let judged = status.completed + status.failed
    table.row("Success rate", Format.percent(status.completed, of: judged))
    if completedWithoutSizes > 0 {
      table.row("Completed, size not known", completedWithoutSizes)
    }
    guard originalBytes > 0 else { return }
    table.row("Original size", Format.bytes(originalBytes))
    table.row(
      "Stored size", Format.bytes(optimizedBytes),
      "(\(Format.saving(of: originalBytes, stored: optimizedBytes)))")
  }
}

/// Names on the left, figures lined up on their right ends.
package struct TextTable {
  private static let nameWidth = 28
  private static let figureWidth = 14

  /// Nothing yet.
  package init() {}

  /// What was added so far, each line with its line end.
  package private(set) var text = ""

  /// A line of its own.
  package mutating func heading(_ line: String) { text += line + "\n" }

  /// A name and a figure, and perhaps a remark.
  package mutating func row(_ name: String, _ figure: String, _ remark: String = "") {
    let gap = remark.isEmpty ? "" : "  "
    text +=
      Format.padRight(name, Self.nameWidth) + Format.padLeft(figure, Self.figureWidth) + gap
      + remark
      + "\n"
  }

  /// A name and a number.
  package mutating func row(_ name: String, _ figure: Int, _ remark: String = "") {
    row(name, Format.count(figure), remark)
  }
}

/// Tables as comma-separated values (RFC 4180), lines ended as Unix does.
package enum CSV {
  package static func text(_ table: ReportTable) -> String {
    line(table.columns)
      + table.rows.map { line($0.map { $0.isText ? safe($0.plain) : $0.plain }) }.joined()
  }

  /// One line with its end.
  package static func line(_ fields: [String]) -> String {
    fields.map(quoted).joined(separator: ",") + "\n"
  }

  /// A text from outside that a spreadsheet would take for a formula gets an apostrophe in front,
  /// which spreadsheets do not show (OWASP, "CSV Injection").
  package static func safe(_ text: String) -> String {
    let first = text.unicodeScalars.first
    return first.map { "=+-@\t\r\n".unicodeScalars.contains($0) } ?? false ? "'" + text : text
  }

  private static func quoted(_ field: String) -> String {
    let special: Set<Unicode.Scalar> = [",", "\"", "\n", "\r"]
    guard field.unicodeScalars.contains(where: special.contains) else { return field }
    return "\"" + field.replacing("\"", with: "\"\"") + "\""
  }
}
