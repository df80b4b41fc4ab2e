import Common
import Index

// The charts of the page, each with its table.
extension HTMLReport {
  /// All of them, by the names of their tables.
  package var sections: [(name: String, html: String)] {
    [
      ("status", status), ("priorities", priorities), ("throughput", throughput),
      ("errors", errors), ("mismatches", mismatches), ("types", savings),
      ("optimization", report.optimizations.isEmpty ? "" : optimization), ("gaps", gaps),
    ]
  }

  private func section(
    _ table: ReportTable, _ title: String, _ words: String, _ chart: String
  ) -> String {
    let body =
      table.rows.isEmpty
      ? "<p class=\"muted\">Nothing so far.</p>\n"
      : "<div class=\"pair\"><div>\(chart)</div>\n"
        + "<div>\(HTMLText.table(table, limit: rows))</div></div>\n"
    return """
      <section id="\(table.name)">
      <h2>\(title)</h2>
      <p class="muted">\(note)\(words)</p>
      \(body)</section>

      """
  }

  private static let styles = [
    DocumentStatus.completed.word: "good", DocumentStatus.inProgress.word: "accent",
    DocumentStatus.pending.word: "rest", DocumentStatus.failed.word: "bad",
    StatusCounts.absentWord: "warn", DocumentStatus.skipped.word: "warn",
  ]

  private var status: String {
    let percents = Format.percents(report.statuses.map(\.count))
    let bars = zip(report.statuses, percents).map {
      HTMLChart.Bar(
        label: $0.name.replacing("_", with: " "), value: Double($0.count),
        text: "\(Format.count($0.count)) (\($1))", style: Self.styles[$0.name] ?? "rest")
    }
    let key = bars.map { "<i class=\"\($0.style)\"></i>\($0.label)" }.joined()
    return section(
      report.statusTable, "Progress", "What became of the documents so far.",
      HTMLChart.stack(bars, title: "Documents by status") + "<p class=\"key\">\(key)</p>")
  }

  private var priorities: String {
    let bars = report.priorities.map {
      HTMLChart.Bar(
        label: $0.priority.map { "Priority \($0)" } ?? "No priority", value: Double($0.completed),
        text: Format.percent($0.completed, of: $0.total), style: "good", whole: Double($0.total))
    }
    return section(
      report.priorityTable, "By priority", "Completed, of all documents of a priority.",
      HTMLChart.rows(bars, title: "Completed by priority"))
  }

  private var throughput: String {
    let throughput = Throughput(report.hours)
    let bars = throughput.bars.map {
      HTMLChart.Bar(
        // The year is in the table.
        label: String($0.since.dropFirst(5)), value: Double($0.completed),
        text: Format.counted($0.completed, "document"))
    }
    return section(
      report.throughputTable, "Throughput",
      "Documents completed in each \(throughput.step.rawValue), by the database's clock (time zone "
        + "\(HTMLText.escaped(report.timeZone))).",
      HTMLChart.columns(bars, title: "Throughput") { Format.count(Int(nearest: $0)) })
  }

  private var errors: String {
    let bars = report.errors.prefix(Self.shownBars).map {
      HTMLChart.Bar(
        label: $0.kind, value: Double($0.count), text: Format.count($0.count), style: "bad")
    }
    return section(
      report.errorTable, "Errors",
      "Documents that failed or are to be tried again, with the most frequent message of each class. "
        + "Absent ones are counted under Progress.",
      HTMLChart.rows(bars, title: "Errors by class"))
  }

  private var mismatches: String {
    let bars = report.mismatches.map {
      HTMLChart.Bar(
        label: $0.books.map { "\($0.lowerBound)" } ?? "no book",
        value: $0.completed == 0 ? 0 : Double($0.mismatches) / Double($0.completed) * 100,
        text: "\(Format.percent($0.mismatches, of: $0.completed)) "
          + "(\(Format.count($0.mismatches)) of \(Format.count($0.completed)))", style: "warn")
    }
    return section(
      report.mismatchTable, "Mismatches by book",
      "Share of completed documents whose book or page is another at the portal, by 500 books.",
      HTMLChart.columns(bars, title: "Mismatch rate by book") { Format.decimal($0, 1) + "%" })
  }

  private var savings: String {
    let largest = report.types.sorted { $0.originalBytes > $1.originalBytes }
      .filter { $0.originalBytes > 0 }
    let bars = largest.prefix(Self.shownBars).map {
      HTMLChart.Bar(
        label: $0.type.isEmpty ? "no type" : $0.type, value: Double($0.storedBytes),
        text: Format.saving(of: $0.originalBytes, stored: $0.storedBytes),
        whole: Double($0.originalBytes))
    }
    return section(
      report.typeTable, "Saving by type",
      "Stored bytes, of those that the portal sent; the types with most bytes.",
      HTMLChart.rows(bars, title: "Stored and original bytes by type"))
  }

  private var optimization: String {
    let bars = report.optimizations.prefix(Self.shownBars).map {
      HTMLChart.Bar(
        label: ($0.outcome?.rawValue ?? "unknown") + ($0.reason.map { ": \($0)" } ?? ""),
        value: Double($0.storedBytes),
        text: "\(Format.counted($0.documents, "document")), "
          + Format.saving(of: $0.originalBytes, stored: $0.storedBytes),
        whole: Double($0.originalBytes))
    }
    return section(
      report.optimizationTable, "Result of optimize",
      "Stored bytes of completed documents by what optimize did. A reason says why a document was kept, "
        + "or why a smaller result was rejected. Rejected saving: bytes that rejected results would have "
        + "saved.",
      HTMLChart.rows(bars, title: "Stored and original bytes by result of optimize"))
  }

  private var gaps: String {
    let chart =
      report.books.map {
        HTMLChart.strip(report.gaps, within: $0, title: "Books with nothing completed")
      } ?? ""
    return section(
      report.gapTable, "Gaps",
      "Books from the first to the last; red ones have documents and nothing completed.", chart)
  }
}
