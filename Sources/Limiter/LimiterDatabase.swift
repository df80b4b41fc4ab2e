import Common
import Postgres
import Synchronization

/// Budgets in a table of PostgreSQL, for several machines, by its clock (``ServerBudget``).
///
/// A change is two questions: the row is read, and written where nobody has changed it since; somebody has to be
/// first, so that there is always one who goes on. A transaction that locks it took five, and beside other work
/// each of them costs a turn of the processor.
final class LimiterDatabase: LimiterStorage {
  let pool: PostgresPool
  /// Whether the table of the operator's orders was seen.
  let hasSteering = Atomic<Bool>(false)
  /// What this process noted last, by host.
  private let own = Mutex<[String: ServerBudget.OwnStart]>([:])

  /// Connects, and creates the table where it is not there. Throws with exit code 69, 77 or 78.
  init(url: String, stop: ShutdownSignal?) throws(Fatal) {
    // Two connections: one host's transactions wait for each other anyway. Whoever waits for the
    // server makes no request; after half a minute, or when `stop` is requested, the run ends.
    pool = try PostgresPool(
      url: url,
      for: .init("limiter", guide: "docs/fetch.md", missing: "create it as docs/fetch.md says"),
      size: 2, retryTimeout: 30, stop: stop)
    try pool.use(retryTimeout: 0) { connection, _ in
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
  static let creation = 0x636F_6E76_6579_6F72

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

  /// A row for a host that was never asked.
  private static let add = """
    INSERT INTO conveyor_hosts VALUES ($1, 0, 0, 0, 0) ON CONFLICT (host) DO NOTHING
    """

  /// Saves what was decided, where nobody has changed the row since it was read. What a portal asked for is on the
  /// server's disk when the statement is over; for all else nobody waits: what a crash of the server loses, a
  /// second of slots, it takes to come back.
  private static let save = """
    UPDATE conveyor_hosts
    SET next_slot = $2, last_start = $3, paused_until = $4, refusals = $5
    WHERE host = $1 AND next_slot = $7 AND last_start = $8 AND paused_until = $9 AND refusals = $10
    RETURNING set_config('synchronous_commit', CASE WHEN $6::boolean THEN 'on' ELSE 'off' END, true)
    """

  var locksToLook: Bool { false }

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
      try self.stored(connection, condition, values).map { ($0.host, $0.served.budget) }
    }
  }

  private func stored(
    _ connection: Connection, _ condition: String, _ values: [String?]
  ) throws -> [Stored] {
    let asked = Time.monotonic()
    let rows = try connection.query(
      "SELECT \(Self.columns) FROM conveyor_hosts \(condition)", values)
    let answered = Time.monotonic()
    let own = own.withLock { $0 }
    return try rows.values.map { row throws(Fatal) in
      guard let stored = Stored(row, asked: asked, answered: answered, own) else {
        throw Fatal(
          .inputOutput,
          "the limiter \(pool.name) cannot be used: its row of \(Format.quoted((row.first ?? nil) ?? "")) "
            + "has a value that this program does not write. Delete the row; it is made anew.")
      }
      return stored
    }
  }

  func update<T: Sendable>(
    _ host: String, _ change: @Sendable (inout HostBudget) -> T
  ) throws(Fatal) -> T {
    try pool.use { connection, _ in
      while true {
        guard let stored = try self.stored(connection, "WHERE host = $1", [host]).first else {
          try connection.query(Self.add, [host])
          continue
        }
        let before = stored.served.budget
        var budget = before
        let result = change(&budget)
        if budget == before { return result }
        let values = stored.values(budget)
        guard try connection.query(Self.save, values).affected == 1 else { continue }
        // Only who noted a start knows it without doubt. Another thread that read it meanwhile, and changed
        // something else, would put its doubt in the place: the start would not be known again when it is
        // reported as sent, and all would wait for half a second.
        if budget.lastStart != before.lastStart {
          let start = values[2].flatMap(Int64.init) ?? 0
          self.own.withLock { $0[host] = .init(raw: start, local: budget.lastStart) }
        }
        return result
      }
    }
  }
}

/// A row.
private struct Stored {
  let host: String
  let served: ServerBudget

  /// `nil` for a row that this program has not written.
  init?(
    _ row: [String?], asked: Int64, answered: Int64, _ own: [String: ServerBudget.OwnStart]
  ) {
    let numbers = row.dropFirst().compactMap { $0.flatMap(Int64.init) }
    guard let host = row.first ?? nil, numbers.count == 5,
      let served = ServerBudget(
        raw: Array(numbers.prefix(3)), refusals: numbers[3],
        .init(asked: asked, answered: answered, server: numbers[4]), own[host])
    else { return nil }
    (self.host, self.served) = (host, served)
  }

  /// The values of the statement that saves `changed`, where the row is still this one.
  func values(_ changed: HostBudget) -> [String?] {
    [host] + served.raw(of: changed).map { String($0) } + [
      String(changed.refusals),
      changed.pausedUntil > served.budget.pausedUntil ? "true" : "false",
    ] + served.raw.map { String($0) } + [String(served.budget.refusals)]
  }
}
