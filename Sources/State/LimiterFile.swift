import Common
import GRDB

/// Budgets in a SQLite file, for the processes of one machine.
///
/// Each change is one short `BEGIN IMMEDIATE` transaction. Times are those of the monotonic clock, which
/// is the same for all processes and which nobody sets back.
final class LimiterFile: LimiterStorage {
  private let path: String
  private let queue: DatabaseQueue
  private let bootID: String

  /// Opens or creates the file. Throws with exit code 74.
  init(path: String) throws(Fatal) {
    self.path = path
    bootID = Self.bootID()
    queue = try StateDatabase.open(path, "limiter", synchronous: "NORMAL", schema: Self.schema)
  }

  private static let schema = [
    """
    CREATE TABLE hosts (
      host TEXT PRIMARY KEY,
      next_slot INTEGER NOT NULL,         -- monotonic clock, nanoseconds
      last_start INTEGER NOT NULL,        -- monotonic clock, nanoseconds
      paused_until INTEGER NOT NULL,      -- monotonic clock, nanoseconds
      paused_until_wall INTEGER NOT NULL, -- the same in nanoseconds since 1970
      refusals INTEGER NOT NULL,          -- 429 and 503 since the last good answer
      boot_id TEXT NOT NULL               -- the start of the machine that the clock counts from
    ) WITHOUT ROWID
    """
  ]

  func budget(of host: String) throws(Fatal) -> HostBudget? {
    try read { db in try self.budget(of: host, db) }
  }

  func update<T: Sendable>(
    _ host: String, _ change: @Sendable (inout HostBudget) -> T
  ) throws(Fatal) -> T {
    try StateDatabase.guarded(path, "limiter") {
      try queue.writeWithoutTransaction { db in
        try StateDatabase.inShortTransaction(db, isWriting: true) {
          let before = try self.budget(of: host, db)
          var budget = before ?? HostBudget()
          let result = change(&budget)
          if budget != before { try self.save(budget, of: host, db) }
          return result
        }
      }
    }
  }

  func hosts() throws(Fatal) -> [(host: String, budget: HostBudget)] {
    try read { db in
      try Row.fetchAll(db, sql: "\(Self.select) ORDER BY host").map {
        ($0["host"], self.budget($0))
      }
    }
  }

  private func read<T: Sendable>(_ body: @Sendable (Database) throws -> T) throws(Fatal) -> T {
    try StateDatabase.guarded(path, "limiter") { try queue.unsafeRead(body) }
  }

  private static let select = """
    SELECT next_slot, last_start, paused_until, refusals, boot_id, paused_until_wall, host
    FROM hosts
    """

  private func budget(of host: String, _ db: Database) throws -> HostBudget? {
    let statement = try db.cachedStatement(sql: "\(Self.select) WHERE host = ?")
    return try Row.fetchOne(statement, arguments: [host]).map(budget)
  }

  private func budget(_ row: Row) -> HostBudget {
    var budget = HostBudget()
    budget.nextSlot = row[0]
    budget.lastStart = row[1]
    budget.pausedUntil = row[2]
    budget.refusals = row[3]
    if bootID != row[4] {
      budget.afterReboot(
        now: Time.monotonic(), wallNow: Time.wall(), wallPausedUntil: row[5])
    }
    return budget
  }

  private func save(_ budget: HostBudget, of host: String, _ db: Database) throws {
    let wall = Time.wall() + budget.pausedUntil - Time.monotonic()
    try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO hosts
          (host, next_slot, last_start, paused_until, paused_until_wall, refusals, boot_id)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      host, budget.nextSlot, budget.lastStart, budget.pausedUntil, wall, budget.refusals, bootID,
    ])
  }

  /// What changes with each start of the machine, and with it the monotonic clock's zero.
  private static func bootID() -> String {
    var lines = TextFile.lines("/proc/sys/kernel/random/boot_id")
    return lines.isEmpty ? "unknown" : lines.removeFirst()
  }
}
