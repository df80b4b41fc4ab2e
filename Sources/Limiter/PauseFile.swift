import SQLite
import Common
import GRDB

/// What has to hold over a power cut, in a SQLite file beside the limiter's, by the wall clock and on disk: the
/// pauses that portals asked for, which are read only for hosts that the limiter knows nothing of since the machine
/// was started, and the operator's orders.
final class PauseFile: Sendable {
  private let path: String
  private let queue: DatabaseQueue

  /// Opens or creates the file that belongs to a limiter's. Throws with exit code 74.
  init(besides limiter: String) throws(Fatal) {
    path = limiter == ":memory:" ? limiter : limiter + "-pauses"
    queue = try StateDatabase.open(path, "limiter", synchronous: "FULL", schema: Self.schema)
  }

  private static let schema = [
    """
    CREATE TABLE pauses (
      host TEXT PRIMARY KEY,
      until INTEGER NOT NULL,    -- nanoseconds since 1970
      refusals INTEGER NOT NULL  -- 429 and 503 in a row that led to it
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE steering (
      host TEXT PRIMARY KEY,
      orders TEXT NOT NULL       -- JSON (Steering.swift)
    ) WITHOUT ROWID
    """,
  ]

  /// Keeps a pause; returns when it is on disk. Of two, the longer one stays.
  func note(_ budget: HostBudget, of host: String, until wall: Int64) throws(Fatal) {
    try StateDatabase.guarded(path, "limiter") {
      try queue.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          // One that is over says nothing any more, also where the clock was set back since.
          try db.execute(
            sql: "DELETE FROM pauses WHERE until < ? OR until > ?",
            arguments: [Time.wall(), Time.wall() + Int64(2 * HostBudget.longestPause * 1e9)])
          try db.execute(
            sql: """
              INSERT INTO pauses (host, until, refusals) VALUES (?, ?, ?)
              ON CONFLICT (host) DO UPDATE
              SET until = max(until, excluded.until), refusals = excluded.refusals
              """, arguments: [host, wall, budget.refusals])
          return .commit
        }
      }
    }
  }

  /// What is left of a host's pause; `nil` for a host without one.
  func budget(of host: String) throws(Fatal) -> HostBudget? {
    try StateDatabase.guarded(path, "limiter") {
      try queue.unsafeRead { db in
        let statement = try db.cachedStatement(
          sql: "SELECT until, refusals FROM pauses WHERE host = ?")
        guard let row = try Row.fetchOne(statement, arguments: [host]) else { return nil }
        let stored = CheckedRow(row, "limiter", self.path)
        let until = try stored.number(0, "until", within: HostBudget.possibleTimes)
        let refusals = try stored.number(1, "refusals", within: HostBudget.possibleRefusals)
        let now = Time.wall()
        guard until > now else { return nil }
        return .afterReboot(
          now: Time.monotonic(), wallNow: now, wallPausedUntil: until, refusals: Int(refusals))
      }
    }
  }

  func steering(of host: String) throws(Fatal) -> Steering {
    try StateDatabase.guarded(path, "limiter") {
      try queue.unsafeRead { db in try self.steering(of: host, db) }
    }
  }

  private func steering(of host: String, _ db: Database) throws -> Steering {
    let statement = try db.cachedStatement(sql: "SELECT orders FROM steering WHERE host = ?")
    guard let text = try String.fetchOne(statement, arguments: [host]) else { return Steering() }
    return try Steering(stored: text, host, in: path)
  }

  func steer(
    _ host: String, _ change: @Sendable (inout Steering) -> Void
  ) throws(Fatal) -> Steering {
    try StateDatabase.guarded(path, "limiter") {
      try queue.writeWithoutTransaction { db in
        var steering = Steering()
        try db.inTransaction(.immediate) {
          steering = try self.steering(of: host, db)
          change(&steering)
          try db.execute(
            sql: steering.isEmpty
              ? "DELETE FROM steering WHERE host = ?1"
              : "INSERT OR REPLACE INTO steering (host, orders) VALUES (?1, ?2)",
            arguments: [host] + (steering.isEmpty ? [] : [steering.json.description]))
          return .commit
        }
        return steering
      }
    }
  }

  func steering() throws(Fatal) -> [(host: String, steering: Steering)] {
    try StateDatabase.guarded(path, "limiter") {
      try queue.unsafeRead { db in
        try Row.fetchAll(db, sql: "SELECT host, orders FROM steering").map { row in
          let stored = CheckedRow(row, "limiter", self.path)
          let host = try stored.text(0, "host")
          return (host, try Steering(stored: stored.text(1, "orders"), host, in: self.path))
        }
      }
    }
  }
}
