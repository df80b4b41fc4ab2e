import Common
import Index

extension Report {
  /// Rows of a table that are shown to people.
  private static let shownRows = 20

  /// The report for people, as of the wall-clock time `now` (nanoseconds since 1970).
  func text(now: Int64) -> String {
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
