import Common
import Index

/// The report as one page that needs nothing besides itself: no script, no picture, no font from
/// anywhere, which its Content-Security-Policy says to the browser, too.
package struct HTMLReport: Sendable {
  /// Rows of a table that are shown; CSV has all.
  package static let shownRows = 100
  /// Bars of a chart that lists names.
  static let shownBars = 12

  let report: Report
  /// What it is about: a stage, or all documents.
  let subject: String
  /// Wall-clock time, nanoseconds since 1970.
  let now: Int64
  /// Rows of a table that are shown.
  let rows: Int
  /// What each section says first.
  let note: String

  /// The page about `subject`, as of `now` (nanoseconds since 1970).
  package init(
    report: Report, subject: String, now: Int64, rows: Int = Self.shownRows, note: String = ""
  ) {
    (self.report, self.subject, self.now) = (report, subject, now)
    (self.rows, self.note) = (rows, note)
  }

  package var page: String {
    let title = HTMLText.escaped("Conveyor: \(subject)")
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy"
        content="default-src 'none'; style-src 'unsafe-inline'">
      <title>\(title)</title>
      <style>
      \(HTMLStyle.css)
      </style>
      </head>
      <body>
      <h1>\(HTMLText.escaped(subject))</h1>
      <p class="muted">As of \(Time.timestamp(now).prefix(16).replacing("T", with: " ")) UTC</p>
      \(tiles)
      \(sections.map(\.html).joined())</body>
      </html>

      """
  }

  private var tiles: String {
    let status = report.status
    let judged = status.completed + status.failed
    let estimate = Estimate(report)
    let isDone = status.pending + status.inProgress == 0
    let mismatches = report.mismatches.reduce(0) { $0 + $1.mismatches }
    let facts = [
      (
        Format.percent(status.completed, of: status.total),
        "\(Format.count(status.completed)) of \(Format.counted(status.total, "document")) completed"
      ),
      (
        Format.count(report.completedLastHour),
        "in the last hour; \(Format.count(report.completedLastDay)) in the last day"
      ),
      (
        isDone
          ? "nothing left" : estimate.map { Format.duration(seconds: $0.seconds) } ?? "not known",
        isDone
          ? "nothing is pending"
          : estimate?.end(now).map { "time left: until \($0), by the last six hours" }
            ?? "time left: too little in the last six hours"
      ),
      (
        Format.percent(status.completed, of: judged),
        "success rate; \(Format.count(status.failed)) failed, \(Format.count(status.absent)) absent"
      ),
      (
        Format.percent(mismatches, of: status.completed),
        "\(Format.count(mismatches)) with another book or page at the portal"
      ),
      (
        report.originalBytes == 0
          ? "–" : Format.saving(of: report.originalBytes, stored: report.optimizedBytes),
        "\(Format.bytes(report.optimizedBytes)) stored of \(Format.bytes(report.originalBytes))"
          + (report.completedWithoutSizes == 0
            ? "" : "; \(Format.count(report.completedWithoutSizes)) of unknown size")
      ),
    ]
    return HTMLText.tiles(facts)
  }
}
