import SQLite
import Files
import Common
import GRDB

/// Budgets in a SQLite file, for the processes of one machine.
///
/// Each change is one short `BEGIN IMMEDIATE` transaction. Times are those of the monotonic clock, which
/// is the same for all processes and which nobody sets back.
///
/// Nothing of it is synced: permissions are worth nothing after a start of the machine, and a disk whose
/// syncs take 20 ms let a third of the requests through. What a portal asked for is kept besides, in a file
/// that is (``PauseFile``); so a file that a power cut damaged can be made anew.
final class LimiterFile: LimiterStorage {
  private let path: String
  private let queue: DatabaseQueue
  private let pauses: PauseFile
  private let bootID: String

  /// Opens or creates the file. Throws with exit code 74. `report` is told when it had to be made anew.
  init(path: String, report: (String) -> Void) throws(Fatal) {
    self.path = path
    bootID = Self.bootID()
    pauses = try PauseFile(besides: path)
    queue = try Self.open(path, report)
  }

  private static func open(
    _ path: String, _ report: (String) -> Void
  ) throws(Fatal) -> DatabaseQueue {
    try StateDatabase.guarded(path, "limiter") {
      for _ in 1...3 {
        let content = try DamagedFile.content(of: path)
        do {
          let queue = try StateDatabase.openUnguarded(path, synchronous: "OFF", schema: schema)
          try StateDatabase.check(queue)
          return queue
        } catch let error as DatabaseError where StateDatabase.saysDamaged(error) {
          guard let damage = content.flatMap({ DamagedFile(path, $0, mark: "next_slot") }) else {
            throw error
          }
          if let copy = try damage.empty() {
            report(
              """
              the limiter \(path) was damaged, as a power cut leaves it, and was made anew. Pauses that \
              portals asked for are kept; what was there is in \(copy)
              """)
          }
        }
      }
      return try StateDatabase.openUnguarded(path, synchronous: "OFF", schema: schema)
    }
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

  var locksToLook: Bool { true }

  func budget(of host: String) throws(Fatal) -> HostBudget? {
    try read { db in try self.budget(of: host, db) }
  }

  func update<T: Sendable>(
    _ host: String, _ change: @Sendable (inout HostBudget) -> T
  ) throws(Fatal) -> T {
    let (result, pause) = try StateDatabase.guarded(path, "limiter") {
      try queue.writeWithoutTransaction { db in
        try StateDatabase.inShortTransaction(db, isWriting: true) {
          let before = try self.budget(of: host, db) ?? HostBudget()
          var budget = before
          let result = change(&budget)
          if budget != before { try self.save(budget, of: host, db) }
          return (result, budget.pausedUntil > before.pausedUntil ? budget : nil)
        }
      }
    }
    // First so that others stop at once, then so that it lasts.
    if let pause { try pauses.note(pause, of: host, until: Self.wall(pause.pausedUntil)) }
    return result
  }

  func hosts() throws(Fatal) -> [(host: String, budget: HostBudget)] {
    try read { db in
      try Row.fetchAll(db, sql: "\(Self.select) ORDER BY host").map { row in
        let host = try CheckedRow(row, "limiter", self.path).text(6, "host")
        return (host, try self.budget(row, of: host))
      }
    }
  }

  func steering(of host: String) throws(Fatal) -> Steering { try pauses.steering(of: host) }

  func steer(
    _ host: String, _ change: @Sendable (inout Steering) -> Void
  ) throws(Fatal) -> Steering { try pauses.steer(host, change) }

  func steering() throws(Fatal) -> [(host: String, steering: Steering)] {
    try pauses.steering()
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
    if let row = try Row.fetchOne(statement, arguments: [host]) {
      return try budget(row, of: host)
    }
    return try pauses.budget(of: host)
  }

  private func budget(_ row: Row, of host: String) throws -> HostBudget {
    let row = CheckedRow(row, "limiter", path)
    func time(_ column: Int, _ name: String) throws(Fatal) -> Int64 {
      try row.number(column, name, within: HostBudget.possibleTimes)
    }
    let now = Time.monotonic()
    var budget = HostBudget()
    budget.nextSlot = try time(0, "next_slot")
    budget.lastStart = try time(1, "last_start")
    budget.pausedUntil = try time(2, "paused_until")
    let wall = try time(5, "paused_until_wall")
    budget.refusals = Int(
      try row.number(3, "refusals", within: HostBudget.possibleRefusals))
    if try row.text(4, "boot_id") != bootID {
      // Slots of an earlier start of the machine are void; what is left of a pause goes on.
      let noted = try pauses.budget(of: host)
      budget = .afterReboot(
        now: now, wallNow: Time.wall(), wallPausedUntil: wall, refusals: budget.refusals)
      budget.pausedUntil = max(budget.pausedUntil, noted?.pausedUntil ?? 0)
    }
    budget.forgetFarFuture(now: now)
    return budget
  }

  /// A time of the monotonic clock by the wall clock.
  private static func wall(_ time: Int64) -> Int64 {
    max(0, Time.wall().addingClamped(time - Time.monotonic()))
  }

  private func save(_ budget: HostBudget, of host: String, _ db: Database) throws {
    try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO hosts
          (host, next_slot, last_start, paused_until, paused_until_wall, refusals, boot_id)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      host, budget.nextSlot, budget.lastStart, budget.pausedUntil, Self.wall(budget.pausedUntil),
      budget.refusals, bootID,
    ])
  }

  /// What changes with each start of the machine, and with it the monotonic clock's zero.
  private static func bootID() -> String {
    var lines = TextFile.lines("/proc/sys/kernel/random/boot_id")
    return lines.isEmpty ? "unknown" : lines.removeFirst()
  }
}
