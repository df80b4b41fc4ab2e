import Common
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

  /// When that is, seen from `now` (nanoseconds since 1970), in UTC to the minute; `nil` where it is
  /// decades away.
  func end(_ now: Int64) -> String? {
    guard seconds < 1e9 else { return nil }
    return Time.timestamp(now + Int64(seconds * 1e9)).prefix(16).replacing("T", with: " ") + "Z"
  }
}
