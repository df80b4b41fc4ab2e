import Common
import Index

extension Report {
  /// Gaps that are shown to people; a fresh index has very many.
  private static let shownGaps = 20

  /// The report for people, as of the wall-clock time `now` (nanoseconds since 1970).
  func text(now: Int64) -> String {
    var table = TextTable()
    statusRows(&table)
    paceRows(&table, now)
    if !priorities.isEmpty {
      table.gap()
      table.columns("By priority", ["total", "completed", "failed", "done"])
      for row in priorities {
        table.columns(
          "  \(row.priority)",
          [
            Format.count(row.total), Format.count(row.completed), Format.count(row.failed),
            Format.percent(row.completed, of: row.total),
          ])
      }
    }
    if !errors.isEmpty {
      table.gap()
      table.heading("Most frequent errors")
      for row in errors {
        table.heading(
          "  \(Format.padLeft(Format.count(row.count), 9))  \(row.kind): "
            + String(Format.printable(row.message).prefix(200)))
      }
    }
    if !mismatches.isEmpty {
      table.gap()
      table.columns("Mismatches by book", ["completed", "mismatches", "rate"])
      for row in mismatches {
        table.columns(
          "  \(Self.text(row.books))",
          [
            Format.count(row.completed), Format.count(row.mismatches),
            Format.percent(row.mismatches, of: row.completed),
          ])
      }
    }
    gapRows(&table)
    return table.text
  }

  private func statusRows(_ table: inout TextTable) {
    table.row("Documents", status.total)
    let rows = [
      ("completed", status.completed), ("pending", status.pending),
      ("in progress", status.inProgress), ("failed", status.failed), ("skipped", status.skipped),
    ]
    for (name, count) in rows {
      table.row("  \(name)", count, Format.padLeft(Format.percent(count, of: status.total), 6))
    }
  }

  private func paceRows(_ table: inout TextTable, _ now: Int64) {
    table.gap()
    table.row("Completed in the last hour", completedLastHour)
    table.row("Completed in the last day", completedLastDay)
    if status.pending + status.inProgress == 0 {
      table.row("Estimated end", "nothing left")
    } else if let estimate = Estimate(self) {
      let left = Format.duration(seconds: estimate.seconds)
      table.row("Estimated time left", left)
      if estimate.seconds < 1e9 {
        let end = Time.timestamp(now + Int64(estimate.seconds * 1e9))
        table.heading("  (\(end.prefix(16))Z, at \(Format.count(Int(estimate.perHour))) per hour)")
      }
    } else {
      table.row("Estimated end", "not known", "(too little in the last six hours)")
    }
    guard originalBytes > 0 else { return }
    table.row("Original size", Format.bytes(originalBytes))
    table.row(
      "Stored size", Format.bytes(optimizedBytes),
      "(\(Format.percent(originalBytes - optimizedBytes, of: originalBytes)) saved)")
  }

  private func gapRows(_ table: inout TextTable) {
    guard !gaps.isEmpty else { return }
    table.gap()
    table.heading("Books with nothing completed")
    let shown = gaps.prefix(Self.shownGaps).map(Self.text).joined(separator: ", ")
    let more = gaps.count - Self.shownGaps
    table.heading("  " + shown + (more > 0 ? " and \(Format.count(more)) more ranges" : ""))
  }

  private static func text(_ books: ClosedRange<Int>) -> String {
    books.count == 1 ? "\(books.lowerBound)" : "\(books.lowerBound)-\(books.upperBound)"
  }
}
