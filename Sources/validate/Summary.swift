import Common
import Files
import Page

/// What a run came to: for people, and as JSON.
struct Summary: Sendable {
  let figures: RunStatistics
  let portals: [TopCounts.Entry]
  let errors: [TopCounts.Entry]
  /// How long the run took, in seconds.
  let seconds: Double
  /// When it ended, nanoseconds since 1970.
  let end: Int64

  /// The run of `tally` that took `seconds` and ended at `end`.
  init(_ tally: StatisticsCollector, seconds: Double, end: Int64 = Time.wall()) {
    figures = tally.figures
    (portals, errors) = tally.rankings(errors: 10)
    self.seconds = seconds
    self.end = end
  }

  private var isEmpty: Bool {
    figures.attempts == 0 && figures.invalidLines == 0 && figures.givenBack == 0
  }
  private var judged: Int { figures.completed + figures.failed }
  private var perHour: Double { seconds > 0 ? Double(figures.completed) / seconds * 3600 : 0 }

  /// Several lines, each with its line end.
  var text: String {
    if isEmpty { return "validate: nothing was left to do\n" }
    var table = TextTable()
    table.row("Duration", Format.duration(seconds: seconds))
    table.row("Attempted", figures.attempted)
    if figures.attempts > figures.attempted { table.row("  attempts in all", figures.attempts) }
    table.row("Completed", figures.completed)
    if figures.skipped > 0 { table.row("  there before (skipped)", figures.skipped) }
    if figures.encrypted > 0 { table.row("  open only with a password", figures.encrypted) }
    table.row("Failed", figures.failed)
    if figures.absent > 0 { table.row("Absent at the portal", figures.absent) }
    table.row("Waiting for a retry", figures.waiting)
    if figures.givenBack > 0 { table.row("Given back, not begun", figures.givenBack) }
    if figures.leaseLost > 0 { table.row("Lease lost", figures.leaseLost) }
    if figures.invalidLines > 0 { table.row("Lines that are no records", figures.invalidLines) }
    table.row("Success rate", Format.percent(figures.completed, of: judged))
    table.row("Documents per hour", Format.rate(perHour))
    table.row(
      "Mismatches", figures.mismatches,
      "(\(Format.percent(figures.mismatches, of: figures.completed)))")
    if figures.originalBytes > 0 {
      table.row("Original size", Format.bytes(figures.originalBytes))
      table.row("Stored size", Format.bytes(figures.storedBytes))
      let saved = figures.savedBytes
      table.row(
        saved < 0 ? "Larger by" : "Saved", Format.bytes(abs(saved)),
        "(\(Format.percent(abs(saved), of: figures.originalBytes)))")
    }
    if !portals.isEmpty { table.heading("By portal") }
    for portal in portals { table.row("  " + Format.printable(portal.text), portal.count) }
    if !errors.isEmpty { table.heading("Most frequent errors") }
    for error in errors {
      table.heading("  \(Format.padLeft(Format.count(error.count), 9))  \(error.text)")
    }
    return table.text
  }

  /// The same as JSON, sizes in bytes and times in seconds.
  var json: JSON {
    .object([
      "finished_at": .string(Time.timestamp(end)), "seconds": .decimal(seconds),
      "attempted": .int(figures.attempted), "attempts": .int(figures.attempts),
      DocumentStatus.completed.word: .int(figures.completed),
      DocumentStatus.skipped.word: .int(figures.skipped),
      DocumentStatus.failed.word: .int(figures.failed),
      StatusCounts.absentWord: .int(figures.absent),
      "encrypted": .int(figures.encrypted), "waiting": .int(figures.waiting),
      "given_back": .int(figures.givenBack),
      "lease_lost": .int(figures.leaseLost), "invalid_lines": .int(figures.invalidLines),
      "success_rate": share(figures.completed, of: judged),
      "documents_per_hour": .decimal(perHour, 1), "mismatches": .int(figures.mismatches),
      "mismatch_rate": share(figures.mismatches, of: figures.completed),
      "original_bytes": .int(figures.originalBytes), "stored_bytes": .int(figures.storedBytes),
      "saved_bytes": .int(figures.savedBytes),
      "portals": .array(
        portals.map {
          .object(["portal": .string($0.text), DocumentStatus.completed.word: .int($0.count)])
        }),
      "errors": .array(
        errors.map { .object(["error": .string($0.text), "count": .int($0.count)]) }),
    ])
  }

  private func share(_ part: Int, of whole: Int) -> JSON {
    whole == 0 ? .null : .decimal(Double(part) / Double(whole), 4)
  }

  /// Writes the JSON to a file, whole or not at all.
  func write(to path: String) throws(Fatal) {
    try WholeFile.write(
      json.serialized() + [UInt8(ascii: "\n")], to: path, what: "the summary")
  }
}
