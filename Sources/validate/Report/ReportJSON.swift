import Common
import Index

extension Report {
  /// The report as JSON, sizes in bytes and times in seconds.
  var json: JSON {
    let estimate = Estimate(self)
    let throughput = Throughput(hours)
    return .object([
      "status": .object([
        "total": .int(status.total), "pending": .int(status.pending),
        "in_progress": .int(status.inProgress), "completed": .int(status.completed),
        "failed": .int(status.failed), "absent": .int(status.absent),
        "skipped": .int(status.skipped), "unknown": .int(status.unknown),
      ]),
      "priorities": .array(
        priorities.map {
          .object([
            "priority": $0.priority.map(JSON.int) ?? .null, "total": .int($0.total),
            "completed": .int($0.completed), "failed": .int($0.failed),
            "absent": .int($0.absent),
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
            .object(["since": .string($0.since), "completed": .int($0.completed)])
          }),
      ]),
      "types": .array(
        types.map {
          .object([
            "type": .string($0.type), "total": .int($0.total), "completed": .int($0.completed),
            "failed": .int($0.failed), "absent": .int($0.absent),
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
            "books": $0.books.map(Self.pair) ?? .null, "completed": .int($0.completed),
            "mismatches": .int($0.mismatches),
          ])
        }),
      "original_bytes": .int(originalBytes), "stored_bytes": .int(optimizedBytes),
      "completed_without_sizes": .int(completedWithoutSizes),
    ])
  }

  /// Errors by class.
  static func json(_ errors: [(kind: String, message: String, count: Int)]) -> [JSON] {
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
