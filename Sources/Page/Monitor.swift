import Common
import Index

/// What an index's health means. Pure.
package struct Monitor: Sendable {
  /// How well something is, best first (domain: "Health check").
  package enum Level: Int, Sendable, Comparable {
    case good, warning, critical

    package var name: String { "\(self)" }

    package static func < (one: Level, other: Level) -> Bool { one.rawValue < other.rawValue }
  }

  /// One thing that was looked at.
  package struct Check: Sendable, Equatable {
    package let name: String
    package let level: Level
    /// What was seen, in a few words.
    package let words: String
  }

  /// Shares of the last outcomes: good from the first on, critical below the second.
  private static let goodShare = 0.95
  private static let criticalShare = 0.90

  let health: Health
  /// What the tools of the run wait for.
  package let outages: [OutageReport]
  /// Nanoseconds since 1970.
  let now: Int64

  /// What `health` and `outages` mean at `now`.
  package init(_ health: Health, outages: [OutageReport] = [], now: Int64 = 0) {
    self.health = health
    self.outages = outages
    self.now = now
  }

  /// The worst of all checks.
  package var level: Level { checks.map(\.level).max() ?? .good }

  /// 0 where all is good, 3 otherwise.
  package var exitCode: ToolExit { level == .good ? .success : .documentsFailed }

  package var checks: [Check] { outageChecks + [leases, quarantine, successRate, activity] }

  /// Completed among the last outcomes, from 0 to 1; `nil` where there are none.
  package var rate: Double? {
    let judged = health.recentCompleted + health.recentFailed
    return judged == 0 ? nil : Double(health.recentCompleted) / Double(judged)
  }

  private var outageChecks: [Check] {
    guard !outages.isEmpty else { return [Check(name: "outage", level: .good, words: "none")] }
    return outages.map { outage in
      let advice = outage.advice.isEmpty ? "" : ". \(outage.advice)"
      return Check(name: "outage", level: .warning, words: outage.text(now: now) + advice)
    }
  }

  private var leases: Check {
    let working = "\(Format.count(health.inProgress)) in progress"
    guard health.stale > 0 else { return Check(name: "leases", level: .good, words: working) }
    return Check(
      name: "leases", level: .warning,
      words: "\(Format.count(health.stale)) left behind, \(working); "
        + "the next run of enqueue takes them back")
  }

  private var quarantine: Check {
    guard health.quarantined > 0 else {
      return Check(name: "quarantine", level: .good, words: "no documents quarantined")
    }
    return Check(
      name: "quarantine", level: .warning,
      words:
        "\(Format.counted(health.quarantined, "document")) quarantined: lost with their worker "
        + "several times, and worked on one by one")
  }

  private var successRate: Check {
    let judged = health.recentCompleted + health.recentFailed
    let absent =
      health.recentAbsent == 0
      ? "" : "; besides, the portal does not have \(Format.count(health.recentAbsent))"
    guard let rate else {
      return Check(
        name: "success rate", level: .good, words: "nothing has been completed or failed\(absent)")
    }
    let level: Level =
      rate >= Self.goodShare ? .good : rate < Self.criticalShare ? .critical : .warning
    return Check(
      name: "success rate", level: level,
      words: "\(Format.percent(health.recentCompleted, of: judged)) of the last "
        + Format.count(judged) + absent)
  }

  /// Work that nobody finishes is a run that hangs; no work at all is none. A first run, of which
  /// nothing was completed yet, may have begun just now.
  private var activity: Check {
    let last = health.secondsSinceCompletion.map {
      "; the last \(Format.duration(seconds: $0)) ago"
    }
    let hangs = health.completedLastHour == 0 && health.inProgress > 0 && last != nil
    return Check(
      name: "activity", level: hangs ? .warning : .good,
      words: "\(Format.count(health.completedLastHour)) completed in the last hour\(last ?? "")")
  }
}

extension Monitor {
  /// For people: a line for each check, then the errors of the last hour.
  package var text: String {
    var lines = checks.map {
      "\(Format.padRight($0.level.name, 10))\(Format.padRight($0.name, 14))\($0.words)"
    }
    lines.append("")
    lines.append(health.errors.isEmpty ? "No errors in the last hour" : "Errors of the last hour")
    for error in health.errors {
      lines.append(
        "  \(Format.padLeft(Format.count(error.count), 9))  \(error.kind): "
          + String(Format.printable(error.message).prefix(200)))
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// For programs, times in seconds.
  package var json: JSON {
    .object([
      "level": .string(level.name),
      "checks": .array(
        checks.map {
          .object([
            "name": .string($0.name), "level": .string($0.level.name), "words": .string($0.words),
          ])
        }),
      DocumentStatus.inProgress.word: .int(health.inProgress), "stale": .int(health.stale),
      "recent_completed": .int(health.recentCompleted), "recent_failed": .int(health.recentFailed),
      "recent_absent": .int(health.recentAbsent), "quarantined": .int(health.quarantined),
      "success_rate": rate.map { .decimal($0, 4) } ?? .null,
      "completed_last_hour": .int(health.completedLastHour),
      "seconds_since_completion": health.secondsSinceCompletion.map { .decimal($0, 0) } ?? .null,
      "errors_last_hour": .array(Report.json(health.errors)),
    ])
  }
}
