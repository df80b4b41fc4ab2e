import Common
import Index

extension Monitor {
  /// For people: a line for each check, then the errors of the last hour.
  var text: String {
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
  var json: JSON {
    .object([
      "level": .string(level.name),
      "checks": .array(
        checks.map {
          .object([
            "name": .string($0.name), "level": .string($0.level.name), "words": .string($0.words),
          ])
        }),
      "in_progress": .int(health.inProgress), "stale": .int(health.stale),
      "recent_completed": .int(health.recentCompleted), "recent_failed": .int(health.recentFailed),
      "recent_absent": .int(health.recentAbsent), "quarantined": .int(health.quarantined),
      "success_rate": rate.map { .decimal($0, 4) } ?? .null,
      "completed_last_hour": .int(health.completedLastHour),
      "seconds_since_completion": health.secondsSinceCompletion.map { .decimal($0, 0) } ?? .null,
      "errors_last_hour": .array(Report.json(health.errors)),
    ])
  }
}
