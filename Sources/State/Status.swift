import Common
import GRDB

extension Limiter {
  /// What is known of a host at this moment.
  public struct HostStatus: Sendable {
    /// Host and port.
    public let host: String
    /// Seconds until its next free slot.
    public let nextSlot: Double
    /// Seconds that nobody asks it any more, because it said so.
    public let pause: Double
    /// Seconds since the last request started; `nil` after a restart of the machine.
    public let lastStart: Double?
    /// Refusals (429, 503) since its last good answer.
    public let refusals: Int
  }

  /// All hosts, by name.
  public func status() throws(Fatal) -> [HostStatus] {
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
  public struct Summary: Sendable {
    /// Documents that are there.
    public var fetched = 0
    /// Their bytes.
    public var bytes = 0
    /// Documents whose last attempt failed, by class, most frequent first.
    public var errors: [(kind: String, count: Int)] = []
  }

  /// Counts everything.
  public func summary() throws(Fatal) -> Summary {
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
