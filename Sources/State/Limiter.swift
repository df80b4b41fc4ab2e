import Common
import GRDB
import Synchronization

/// The polite budget of every host, shared by all threads and processes that use the same file.
///
/// Each step is one short `BEGIN IMMEDIATE` transaction; sleeping happens outside. Times are those of
/// the monotonic clock, which is the same for all processes and which nobody sets back. A file that
/// cannot be read or written ends the run: without a budget no request is made (promise P6).
public final class Limiter: Sendable {
  private let path: String
  private let queue: DatabaseQueue
  private let bootID: String
  /// What was last read of hosts that are asked without delay.
  private let known = Mutex<[String: Known]>([:])

  private struct Known {
    let budget: HostBudget
    let readAt: Int64
  }

  /// Without a delay nothing is written, only pauses are heeded; one that another process caused is
  /// noticed after so many nanoseconds at the latest, one of this process at once.
  private static let freshness: Int64 = 100_000_000

  /// Opens or creates the file. Throws with exit code 74.
  public init(path: String) throws(Fatal) {
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

  /// Whether a request may begin.
  public enum Permission: Sendable, Equatable {
    /// Now. The host gave so many refusals in a row before.
    case granted(refusals: Int)
    /// Not any more: the host asked for a pause in the meantime. Another slot is needed.
    case paused
    /// Not at all: a stop was requested.
    case stopped
  }

  /// The first step of a request: takes this host's next free slot, and waits for it. False when `stop`
  /// was requested before it came.
  public func waitForSlot(host: String, pace: Pace, stop: Stop) throws(Fatal) -> Bool {
    guard pace.delay > 0 else { return try waitForPause(host, stop) }
    let slot = try update(host) { $0.reserve(now: Time.monotonic(), pace: pace) }
    return stop.sleep(until: slot)
  }

  /// The second step, when the connection is there and the request is about to be sent: what counts
  /// for the gap to the next one is this moment, and neither the name's look-up nor the connection.
  public func start(host: String, pace: Pace, stop: Stop) throws(Fatal) -> Permission {
    guard pace.delay > 0 else {
      let budget = try known(host)
      if stop.isRequested { return .stopped }
      return budget.pausedUntil > Time.monotonic()
        ? .paused : .granted(refusals: budget.refusals)
    }
    while true {
      let (start, budget) = try update(host) { budget in
        (budget.start(now: Time.monotonic(), pace: pace), budget)
      }
      guard case .at(let time) = start else { return .paused }
      guard stop.sleep(until: time) else { return .stopped }
      // A thread that slept too long would come too close to the next one.
      if Time.monotonic() - time < HostBudget.tolerance {
        return .granted(refusals: budget.refusals)
      }
    }
  }

  private func waitForPause(_ host: String, _ stop: Stop) throws(Fatal) -> Bool {
    while true {
      let end = try known(host).pausedUntil
      guard end > Time.monotonic() else { return !stop.isRequested }
      guard stop.sleep(until: end) else { return false }
    }
  }

  /// What is known of a host without a delay: read again when that is out of date.
  private func known(_ host: String) throws(Fatal) -> HostBudget {
    let now = Time.monotonic()
    if let known = known.withLock({ $0[host] }), now - known.readAt < Self.freshness {
      return known.budget
    }
    let budget = try read { db in try self.budget(of: host, db) } ?? HostBudget()
    known.withLock { $0[host] = Known(budget: budget, readAt: now) }
    return budget
  }

  /// The host asks everybody to slow down; returns for how many seconds nobody asks it.
  public func refuse(host: String, retryAfter: Double?, base: Double) throws(Fatal) -> Double {
    try update(host) { budget in
      let now = Time.monotonic()
      budget.refuse(now: now, retryAfter: retryAfter, base: base)
      return Double(budget.pausedUntil - now) / 1e9
    }
  }

  /// The host answered well after ``start(host:pace:stop:)`` had told of refusals.
  public func succeed(host: String) throws(Fatal) { try update(host) { $0.succeed() } }

  private func read<T: Sendable>(_ body: @Sendable (Database) throws -> T) throws(Fatal) -> T {
    try StateDatabase.guarded(path, "limiter") { try queue.unsafeRead(body) }
  }

  private func update<T: Sendable>(
    _ host: String, _ change: (inout HostBudget) -> T
  ) throws(Fatal) -> T {
    try StateDatabase.guarded(path, "limiter") {
      try queue.writeWithoutTransaction { db in
        var result: T?
        try db.inTransaction(.immediate) {
          let before = try self.budget(of: host, db)
          var budget = before ?? HostBudget()
          result = change(&budget)
          if budget != before { try self.save(budget, of: host, db) }
          return .commit
        }
        // What a thread knew of the host is out of date.
        self.known.withLock { _ = $0.removeValue(forKey: host) }
        guard let result else { throw Fatal(.inputOutput, "no transaction took place") }
        return result
      }
    }
  }

  /// All hosts with their budgets, by name.
  func hosts() throws(Fatal) -> [(host: String, budget: HostBudget)] {
    try read { db in
      try Row.fetchAll(db, sql: "\(Self.select) ORDER BY host").map {
        ($0["host"], self.budget($0))
      }
    }
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
