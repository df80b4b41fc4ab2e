import Common
import Postgres

/// Budgets in a table of PostgreSQL, for several machines.
///
/// Machines share no monotonic clock, so the server's clock is everybody's: each transaction asks for its
/// time, and translates. What the way back takes makes a machine later than it thinks, never earlier;
/// gaps between machines are true to within the difference of their ways, and the clock of the
/// server has to be slewed, as chrony and NTP do, not set.
final class LimiterDatabase: LimiterStorage {
  private let pool: PostgresPool

  /// Connects, and creates the table where it is not there. Throws with exit code 69, 77 or 78.
  init(url: String, stop: Stop?) throws(Fatal) {
    // Two connections: one host's transactions wait for each other anyway. Whoever waits for the
    // server makes no request; after half a minute, or when `stop` is requested, the run ends.
    pool = try PostgresPool(
      url: url,
      for: .init("limiter", guide: "docs/fetch.md", missing: "create it as docs/fetch.md says"),
      size: 2, patience: 30, stop: stop)
    try pool.use(patience: 0) { connection, _ in
      let found = try connection.query("SELECT to_regclass('conveyor_hosts') IS NULL")
      guard found.values.first?.first == "t" else { return }
      try connection.transaction {
        // CREATE … IF NOT EXISTS fails where two do it at once.
        try connection.query("SELECT pg_advisory_xact_lock(\(Self.creation))")
        try connection.query(Self.schema)
      }
    }
  }

  /// Our number among a database's advisory locks: "conveyor" as bytes.
  private static let creation = 0x636F_6E76_6579_6F72

  private static let schema = """
    CREATE TABLE IF NOT EXISTS conveyor_hosts (
      host TEXT PRIMARY KEY,
      next_slot BIGINT NOT NULL,     -- the server's clock, microseconds since 1970, as all times here
      last_start BIGINT NOT NULL,
      paused_until BIGINT NOT NULL,
      refusals BIGINT NOT NULL       -- 429 and 503 since the last good answer
    )
    """

  private static let columns = """
    host, next_slot, last_start, paused_until, refusals,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
    """

  func budget(of host: String) throws(Fatal) -> HostBudget? {
    try rows("WHERE host = $1", [host]).first?.budget
  }

  func hosts() throws(Fatal) -> [(host: String, budget: HostBudget)] {
    try rows("ORDER BY host", [])
  }

  private func rows(
    _ condition: String, _ values: [String?]
  ) throws(Fatal) -> [(host: String, budget: HostBudget)] {
    try pool.use { connection, _ in
      let rows = try connection.query(
        "SELECT \(Self.columns) FROM conveyor_hosts \(condition)", values)
      return rows.values.compactMap { row in
        Stored(row).map { ($0.host, $0.budget) }
      }
    }
  }

  func update<T: Sendable>(
    _ host: String, _ change: @Sendable (inout HostBudget) -> T
  ) throws(Fatal) -> T {
    try pool.use { connection, _ in
      try connection.transaction {
        // Locks the row, whether it was there or not, before the clock is read. Nobody waits for the
        // disk: what a crash of the server loses, half a second of slots, it takes to come back.
        let rows = try connection.query(
          """
          INSERT INTO conveyor_hosts AS known VALUES ($1, 0, 0, 0, 0)
          ON CONFLICT (host) DO UPDATE SET refusals = known.refusals
          RETURNING \(Self.columns), set_config('synchronous_commit', 'off', true)
          """, [host])
        guard let row = rows.values.first, let stored = Stored(row) else {
          throw Fatal(.inputOutput, "the limiter \(self.pool.name) gave no budget for \(host)")
        }
        var budget = stored.budget
        let result = change(&budget)
        if budget != stored.budget {
          try connection.query(
            """
            UPDATE conveyor_hosts
            SET next_slot = $2, last_start = $3, paused_until = $4, refusals = $5 WHERE host = $1
            """,
            [
              host, stored.text(budget.nextSlot), stored.text(budget.lastStart),
              stored.text(budget.pausedUntil), String(budget.refusals),
            ])
        }
        return result
      }
    }
  }
}

/// A row, and how its times become ours.
private struct Stored {
  let host: String
  let budget: HostBudget
  /// Nanoseconds that the server's clock is ahead of our monotonic one.
  private let offset: Int64

  init?(_ row: [String?]) {
    let numbers = row.dropFirst().prefix(5).map { $0.flatMap(Int64.init) ?? 0 }
    guard let host = row.first ?? nil, numbers.count == 5 else { return nil }
    self.host = host
    let now = Time.monotonic()
    let offset = numbers[4] * 1000 - now
    self.offset = offset
    let local = numbers.prefix(3).map { $0 == 0 ? 0 : $0 * 1000 - offset }
    var budget = HostBudget()
    budget.nextSlot = local[0]
    budget.lastStart = local[1]
    budget.pausedUntil = local[2]
    budget.refusals = Int(numbers[3])
    budget.forgetFarFuture(now: now)
    self.budget = budget
  }

  /// A time of ours as the server's; rounded up, so that no gap shrinks. 0 means never.
  func text(_ time: Int64) -> String {
    time == 0 ? "0" : String((time + offset + 999) / 1000)
  }
}
