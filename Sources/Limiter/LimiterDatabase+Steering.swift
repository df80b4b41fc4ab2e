import Common
import Postgres
import Synchronization

/// The operator's orders are in a table of their own, which the first order makes: a role that may only use the
/// budgets goes on working.
extension LimiterDatabase {
  private static let table = """
    CREATE TABLE IF NOT EXISTS conveyor_steering (
      host TEXT PRIMARY KEY,
      orders JSONB NOT NULL
    )
    """

  /// Asked for each time until the table is there: an error would be a line in the server's log twice a second.
  private func isThere(_ connection: Connection) throws -> Bool {
    if hasSteering.load(ordering: .relaxed) { return true }
    let found = try connection.query("SELECT to_regclass('conveyor_steering') IS NOT NULL")
    guard found.values.first?.first == "t" else { return false }
    hasSteering.store(true, ordering: .relaxed)
    return true
  }

  func steering(of host: String) throws(Fatal) -> Steering {
    try pool.use { connection, _ in
      guard try self.isThere(connection) else { return Steering() }
      return try self.stored(connection, host, "")
    }
  }

  private func stored(
    _ connection: Connection, _ host: String, _ lock: String
  ) throws -> Steering {
    let rows = try connection.query(
      "SELECT orders FROM conveyor_steering WHERE host = $1 \(lock)", [host])
    guard let text = rows.values.first?.first ?? nil else { return Steering() }
    return try Steering(stored: text, host, in: pool.name)
  }

  func steer(
    _ host: String, _ change: @Sendable (inout Steering) -> Void
  ) throws(Fatal) -> Steering {
    try pool.use { connection, _ in
      if try !self.isThere(connection) {
        try connection.transaction {
          // CREATE … IF NOT EXISTS fails where two do it at once.
          try connection.query("SELECT pg_advisory_xact_lock(\(Self.creation))")
          try connection.query(Self.table)
        }
      }
      var steering = Steering()
      try connection.transaction {
        try connection.query("SELECT pg_advisory_xact_lock(\(Self.creation))")
        steering = try self.stored(connection, host, "FOR UPDATE")
        change(&steering)
        if steering.isEmpty {
          try connection.query("DELETE FROM conveyor_steering WHERE host = $1", [host])
        } else {
          try connection.query(
            """
            INSERT INTO conveyor_steering VALUES ($1, $2)
            ON CONFLICT (host) DO UPDATE SET orders = excluded.orders
            """, [host, steering.json.description])
        }
      }
      return steering
    }
  }

  func steering() throws(Fatal) -> [(host: String, steering: Steering)] {
    try pool.use { connection, _ in
      guard try self.isThere(connection) else { return [] }
      let rows = try connection.query("SELECT host, orders FROM conveyor_steering")
      return try rows.values.map { row in
        let host = (row.first ?? nil) ?? ""
        return (host, try Steering(stored: (row.last ?? nil) ?? "", host, in: self.pool.name))
      }
    }
  }
}
