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
        "failed": .int(status.failed), "skipped": .int(status.skipped),
      ]),
      "priorities": .array(
        priorities.map {
          .object([
            "priority": .int($0.priority), "total": .int($0.total),
            "completed": .int($0.completed), "failed": .int($0.failed),
          ])
        }),
      "completed_last_hour": .int(completedLastHour),
      "completed_last_day": .int(completedLastDay),
      "documents_per_hour": estimate.map { .decimal($0.perHour, 1) } ?? .null,
      "seconds_left": estimate.map { .decimal($0.seconds, 0) } ?? .null,
      "throughput": .object([
        "step_seconds": .int(throughput.step.hours * 3600),
        "steps": .array(
          throughput.bars.map {
            .object(["since": .string($0.since), "completed": .int($0.completed)])
          }),
      ]),
      "types": .array(
        types.map {
          .object([
            "type": .string($0.type), "total": .int($0.total), "completed": .int($0.completed),
            "failed": .int($0.failed), "original_bytes": .int($0.originalBytes),
            "stored_bytes": .int($0.storedBytes),
          ])
        }),
      "errors": .array(Self.json(errors)),
      "gaps": .array(gaps.map(Self.pair)),
      "mismatches": .array(
        mismatches.map {
          .object([
            "books": Self.pair($0.books), "completed": .int($0.completed),
            "mismatches": .int($0.mismatches),
          ])
        }),
      "original_bytes": .int(originalBytes), "stored_bytes": .int(optimizedBytes),
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
