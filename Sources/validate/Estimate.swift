import Index

/// When an index will be done, by what was completed in the last six hours.
struct Estimate: Sendable, Equatable {
  /// Documents per hour.
  let perHour: Double
  /// Seconds until nothing is left.
  let seconds: Double

  /// `nil` where fewer than two completions say nothing about a rate.
  init?(_ report: Report) {
    let intervals = report.completedLastSixHours - 1
    guard intervals > 0, report.secondsOfLastSixHours > 0 else { return nil }
    perHour = Double(intervals) / report.secondsOfLastSixHours * 3600
    seconds = Double(report.status.pending + report.status.inProgress) / perHour * 3600
  }
}
