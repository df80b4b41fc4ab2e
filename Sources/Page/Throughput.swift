import Common
import Index

/// How many documents were completed when, in few enough steps to be seen at once. Pure.
package struct Throughput: Sendable, Equatable {
  /// How long a step is.
  package enum Step: String, Sendable {
    case hour, day, week

    var hours: Int {
      switch self {
      case .hour: 1
      case .day: 24
      case .week: 168
      }
    }
  }

  /// One step.
  package struct Bar: Sendable, Equatable {
    /// `2026-11-23 18:00`, or a day alone.
    package let since: String
    package let completed: Int
  }

  /// More steps than this are too many to tell apart.
  static let most = 72

  package let step: Step
  /// All steps from the first to the last that has something; weeks, at most the last ``most``.
  package let bars: [Bar]
  /// Completed before the first of these steps.
  let before: Int

  /// Of hours since 1970 in their order; those without documents need not be there.
  package init(_ hours: [(hour: Int, completed: Int)]) {
    guard let first = hours.first?.hour, let last = hours.last?.hour else {
      (step, bars, before) = (.hour, [], 0)
      return
    }
    let count = { (step: Step) in Self.number(last, step) - Self.number(first, step) + 1 }
    let step: Step = [.hour, .day].first { count($0) <= Self.most } ?? .week
    let end = Self.number(last, step)
    let start = max(Self.number(first, step), end - Self.most + 1)
    var sums = [Int](repeating: 0, count: end - start + 1)
    var before = 0
    for hour in hours {
      let place = Self.number(hour.hour, step) - start
      if place >= 0 { sums[place] += hour.completed } else { before += hour.completed }
    }
    self.step = step
    self.before = before
    bars = sums.enumerated().map {
      Bar(since: Self.name($0.offset + start, step), completed: $0.element)
    }
  }

  // 1970 began on a Thursday; weeks begin on Mondays.
  private static func number(_ hour: Int, _ step: Step) -> Int {
    let shifted = step == .week ? hour + 72 : hour
    return Int((Double(shifted) / Double(step.hours)).rounded(.down))
  }

  private static func name(_ number: Int, _ step: Step) -> String {
    let hour = number * step.hours - (step == .week ? 72 : 0)
    let text = Time.timestamp(Int64(hour).multipliedClamped(by: 3_600_000_000_000)).replacing(
      "T", with: " ")
    return String(text.prefix(step == .hour ? 16 : 10))
  }
}

/// When an index will be done, by what was completed in the last six hours.
package struct Estimate: Sendable, Equatable {
  /// Documents per hour.
  package let perHour: Double
  /// Seconds until nothing is left.
  package let seconds: Double

  /// `nil` where fewer than two completions say nothing about a rate.
  package init?(_ report: Report) {
    let intervals = report.completedLastSixHours - 1
    guard intervals > 0, report.secondsOfLastSixHours > 0 else { return nil }
    perHour = Double(intervals) / report.secondsOfLastSixHours * 3600
    seconds = Double(report.status.pending + report.status.inProgress) / perHour * 3600
  }

  /// When that is, seen from `now` (nanoseconds since 1970), in UTC to the minute; `nil` where it is
  /// decades away.
  package func end(_ now: Int64) -> String? {
    guard seconds < 1e9 else { return nil }
    return Time.timestamp(now + Int64(seconds * 1e9)).prefix(16).replacing("T", with: " ") + "Z"
  }
}
