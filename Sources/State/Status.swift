import Common
import GRDB

extension Limiter {
  /// What is known of a host at this moment.
  package struct HostStatus: Sendable {
    package let host: String
    /// Seconds until its next free slot.
    package let nextSlot: Double
    /// Seconds that nobody asks it any more, because it said so.
    package let pause: Double
    /// Seconds since the last request started; `nil` after a restart of the machine.
    package let lastStart: Double?
    /// Refusals (429, 503) since its last good answer.
    package let refusals: Int
  }

  package func status() throws(Fatal) -> [HostStatus] {
    let now = Time.monotonic()
    return try hosts().map { host, budget in
      HostStatus(
        host: host, nextSlot: max(0, Double(max(budget.nextSlot, budget.pausedUntil) - now) / 1e9),
        pause: max(0, Double(budget.pausedUntil - now) / 1e9),
        lastStart: budget.lastStart == 0 ? nil : max(0, Double(now - budget.lastStart) / 1e9),
        refusals: budget.refusals)
    }
  }
}

extension Checkpoint {
  /// What is remembered, by outcome.
  package struct Summary: Sendable {
    package var fetched = 0
    /// Their bytes.
    package var bytes = 0
    /// Documents whose last attempt failed, by class, most frequent first.
    package var errors: [(kind: String, count: Int)] = []
  }

  package func summary() throws(Fatal) -> Summary {
    try read { db in
      var summary = Summary()
      let there = try Row.fetchOne(
        db,
        sql: """
          SELECT count(*), sum(bytes) FILTER (WHERE bytes BETWEEN 0 AND 1 << 40)
          FROM documents WHERE error_class IS NULL
          """)
      summary.fetched = there?[0] ?? 0
      summary.bytes = there.flatMap { Int.fromDatabaseValue($0[1]) } ?? 0
      summary.errors = try Row.fetchAll(
        db,
        sql: """
          SELECT error_class, count(*) FROM documents WHERE error_class IS NOT NULL
          GROUP BY error_class ORDER BY 2 DESC, 1
          """
      ).map { (String.fromDatabaseValue($0[0]) ?? "?", $0[1]) }
      return summary
    }
  }
}
