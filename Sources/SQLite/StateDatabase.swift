import Common
import GRDB
import GRDBSQLite
import Glibc
import Synchronization

/// Opens a SQLite file that several processes write, creates it where it is missing.
///
/// A rollback journal, not WAL: Debian's SQLite 3.40 has the WAL-reset bug (fixed in 3.51.3), which
/// several writing processes can hit. TRUNCATE spares the directory a file created and deleted for
/// each commit.
package func openSQLite(
  _ path: String, label: String? = nil, synchronous: String, waiting wait: BusyWait,
  functions: [DatabaseFunction] = []
) throws -> DatabaseQueue {
  var configuration = Configuration()
  configuration.label = label
  configuration.busyMode = .callback { wait.again(after: $0) }
  configuration.prepareDatabase { db in
    try db.execute(sql: "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = \(synchronous)")
    for function in functions { db.add(function: function) }
  }
  return try DatabaseQueue(path: path, configuration: configuration)
}

/// Waiting for another process's transaction. SQLite's own handler backs off so far that processes
/// starve (measured with 8 writers: single waits of 2 s); short sleeps of random length keep shares
/// fair.
package final class BusyWait: Sendable {
  private let timeout: Int64
  private let longest: UInt32
  private let since = Mutex<Int64>(0)

  /// Gives up after `timeout` seconds; sleeps `longest` microseconds at most, a fifth of that at first.
  package init(timeout: Double, longest: UInt32) {
    self.timeout = Int64(timeout * 1e9)
    self.longest = longest
  }

  /// Sleeps a little. False when the time is up. Each wait counts its tries from 0.
  func again(after tries: Int) -> Bool {
    let now = Time.monotonic()
    let started = since.withLock { since in
      if tries == 0 { since = now }
      return since
    }
    guard now - started < timeout else { return false }
    usleep(.random(in: longest / 20...(tries < 10 ? longest / 5 : longest)))
    return true
  }
}

/// How the files of the state directory are opened, and what their errors mean.
package enum StateDatabase {
  /// Opens `path` and brings it to the newest schema: `schema` has one step of SQL for each version,
  /// and SQLite's `user_version` counts those that were taken; they may use `functions`. `what` names the file in
  /// errors.
  package static func open(
    _ path: String, _ what: String, synchronous: String, schema: [String],
    functions: [DatabaseFunction] = []
  ) throws(Fatal) -> DatabaseQueue {
    try guarded(path, what) {
      try openUnguarded(path, synchronous: synchronous, schema: schema, functions: functions)
    }
  }

  /// The same, with the errors that SQLite gave.
  package static func openUnguarded(
    _ path: String, synchronous: String, schema: [String], functions: [DatabaseFunction] = []
  ) throws -> DatabaseQueue {
    let queue = try openSQLite(
      path, synchronous: synchronous, waiting: BusyWait(timeout: 60, longest: 2000),
      functions: functions)
    try queue.writeWithoutTransaction { db in
      if try version(db) == schema.count { return }
      // Several processes may open a new file at once: asked again inside the transaction.
      try db.inTransaction(.immediate) {
        let version = try version(db)
        guard version <= schema.count else {
          throw Fatal(.configuration, "\(path) was written by a newer version of this program")
        }
        for step in schema[version...] { try db.execute(sql: step) }
        try db.execute(sql: "PRAGMA user_version = \(schema.count)")
        return .commit
      }
    }
    return queue
  }

  /// Reads the whole file; throws where it is damaged. For small ones.
  package static func check(_ queue: DatabaseQueue) throws {
    let findings = try queue.unsafeRead { try String.fetchAll($0, sql: "PRAGMA quick_check(1)") }
    guard findings == ["ok"] else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: findings.first)
    }
  }

  /// Whether an error means that the file is not what SQLite has written.
  package static func saysDamaged(_ error: DatabaseError) -> Bool {
    [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode)
      || error.extendedResultCode == .SQLITE_IOERR_SHORT_READ
  }

  private static func version(_ db: Database) throws -> Int {
    try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
  }

  /// Does `body` in a transaction that takes its lock at once (`isWriting`) or with its first read, and is
  /// taken back when `body` throws. Both its statements are prepared once: preparing them each time cost
  /// as much as looking a document up.
  package static func inShortTransaction<T>(
    _ db: Database, isWriting: Bool, _ body: () throws -> T
  ) throws -> T {
    try db.cachedStatement(sql: isWriting ? "BEGIN IMMEDIATE" : "BEGIN").takeStep(db)
    do {
      let result = try body()
      try db.cachedStatement(sql: "COMMIT").takeStep(db)
      return result
    } catch {
      if db.isInsideTransaction { try db.execute(sql: "ROLLBACK") }
      throw error
    }
  }

  /// Runs `body`; whatever SQLite says becomes the end of the run.
  package static func guarded<T>(
    _ path: String, _ what: String, _ body: () throws -> T
  ) throws(Fatal) -> T {
    do { return try body() } catch let fatal as Fatal { throw fatal } catch {
      let reason = (error as? DatabaseError)?.message ?? Format.reason(error)
      throw Fatal(
        .inputOutput, "the \(what) \(path) cannot be used: \(reason)\(FileSizeLimit.hint)")
    }
  }
}

/// Values of a state file that this program did not have to write itself: any program that may write the file may have
/// put anything there. What cannot be is an error (exit code 74), and no trap, which GRDB has for a value of another
/// type where a row is asked for one (`row["attempts"] as Int`).
package struct CheckedRow {
  private let row: Row
  private let what: String
  private let path: String

  /// A row of the file at `path`; `what` names that in errors: "limiter".
  package init(_ row: Row, _ what: String, _ path: String) {
    (self.row, self.what, self.path) = (row, what, path)
  }

  /// A whole number within bounds.
  package func number(
    _ column: Int, _ name: String, within bounds: ClosedRange<Int64> = .min ... .max
  ) throws(Fatal) -> Int64 {
    let value: DatabaseValue = row[column]
    guard case .int64(let number) = value.storage, bounds.contains(number) else {
      throw unreadable(name)
    }
    return number
  }

  package func text(_ column: Int, _ name: String) throws(Fatal) -> String {
    let value: DatabaseValue = row[column]
    guard case .string(let text) = value.storage else { throw unreadable(name) }
    return text
  }

  /// Whether there is nothing in a column.
  package func isNull(_ column: Int) -> Bool { (row[column] as DatabaseValue).isNull }

  private func unreadable(_ name: String) -> Fatal {
    Fatal(
      .inputOutput,
      "the \(what) \(path) cannot be used: a value of \(name) is not one that this program writes. "
        + "Remove the file while no program uses it; it is made anew.")
  }
}

extension Statement {
  /// Runs a statement that has neither parameters nor rows.
  func takeStep(_ db: Database) throws {
    let statement = sqliteStatement
    defer { sqlite3_reset(statement) }
    let code = sqlite3_step(statement)
    guard code == SQLITE_DONE || code == SQLITE_ROW else {
      throw DatabaseError(resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage)
    }
  }
}
