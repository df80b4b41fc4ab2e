import Common
import Index

extension Report {
  private var statusJSON: JSONObject {
    var object: JSONObject = ["total": .int(status.total)]
    for row in status.named { object[row.name] = .int(row.count) }
    return object
  }

  /// The report as JSON, sizes in bytes and times in seconds.
  package var json: JSON {
    let estimate = Estimate(self)
    let throughput = Throughput(hours)
    return .object([
      "status": .object(statusJSON),
      "priorities": .array(
        priorities.map {
          .object([
            "priority": $0.priority.map(JSON.int) ?? .null, "total": .int($0.total),
            DocumentStatus.completed.word: .int($0.completed),
            DocumentStatus.failed.word: .int($0.failed),
            StatusCounts.absentWord: .int($0.absent),
          ])
        }),
      "completed_last_hour": .int(completedLastHour),
      "completed_last_day": .int(completedLastDay),
      "documents_per_hour": estimate.map { .decimal($0.perHour, 1) } ?? .null,
      "seconds_left": estimate.map { .decimal($0.seconds, 0) } ?? .null,
      "throughput": .object([
        "step_seconds": .int(throughput.step.hours * 3600), "time_zone": .string(timeZone),
        "unknown": .int(completedAtUnknownTime), "before": .int(throughput.before),
        "steps": .array(
          throughput.bars.map {
            .object(["since": .string($0.since), DocumentStatus.completed.word: .int($0.completed)])
          }),
      ]),
      "types": .array(
        types.map {
          .object([
            "type": .string($0.type), "total": .int($0.total),
            DocumentStatus.completed.word: .int($0.completed),
            DocumentStatus.failed.word: .int($0.failed), StatusCounts.absentWord: .int($0.absent),
            "original_bytes": .int($0.originalBytes),
            "stored_bytes": .int($0.storedBytes),
          ])
        }),
      "optimization": .array(
        optimizations.map {
          .object([
            "result": .string($0.outcome?.rawValue ?? "unknown"),
            "reason": $0.reason.map(JSON.string) ?? .null, "documents": .int($0.documents),
            "original_bytes": .int($0.originalBytes), "stored_bytes": .int($0.storedBytes),
            "rejected_saving_bytes": .int($0.rejectedSaving),
          ])
        }),
      "errors": .array(Self.json(errors)),
      "gaps": .array(gaps.map(Self.pair)),
      "mismatches": .array(
        mismatches.map {
          .object([
            "books": $0.books.map(Self.pair) ?? .null,
            DocumentStatus.completed.word: .int($0.completed),
            "mismatches": .int($0.mismatches),
          ])
        }),
      "original_bytes": .int(originalBytes), "stored_bytes": .int(optimizedBytes),
      "completed_without_sizes": .int(completedWithoutSizes),
    ])
  }

  /// Errors by class.
  package static func json(_ errors: [ErrorStatistics]) -> [JSON] {
    errors.map {
      .object([
        "class": .string($0.kind), "message": .string($0.message), "count": .int($0.count),
      ])
    }
  }

  private static func pair(_ books: ClosedRange<Int>) -> JSON {
    .array([.int(books.lowerBound), .int(books.upperBound)])
  }
}
