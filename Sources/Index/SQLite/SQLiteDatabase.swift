import Common
import GRDB
import SQLite
import Glibc
import Synchronization

/// The file of an index: how it is opened, how its locks are waited for, what its errors mean.
///
/// FULL, because what the index says is settled must survive a power cut.
struct SQLiteDatabase: Sendable {
  let path: String
  private let queue: DatabaseQueue

  /// Opens the file, creates it where it is missing.
  init(path: String, timeout: Double = 60) throws(Fatal) {
    self.path = path
    queue = try Self.guarded(path) {
      try openSQLite(
        path, label: "index", synchronous: "FULL",
        waiting: BusyWait(timeout: timeout, longest: 5000))
    }
  }

  /// One transaction that writes (BEGIN IMMEDIATE: one that begins by reading could not wait for its
  /// turn to write).
  func write<T>(_ body: (Database) throws -> T) throws(Fatal) -> T {
    try Self.guarded(path) { try queue.write(body) }
  }

  /// The same; throws ``RowRefusal`` where a row does not take what is written, because of a constraint or
  /// a trigger that raises.
  func writeOrRefuse<T>(_ body: (Database) throws -> T) throws -> T {
    do { return try queue.write(body) } catch let error as DatabaseError
      where error.resultCode == .SQLITE_CONSTRAINT
    {
      throw RowRefusal(reason: Format.printable(error.message ?? "a constraint"))
    } catch { throw error is RowRefusal ? error : Self.fatal(path, error) }
  }

  /// One transaction that reads.
  func read<T>(_ body: (Database) throws -> T) throws(Fatal) -> T {
    try Self.guarded(path) { try queue.read(body) }
  }

  /// Statements outside a transaction, for tables of this connection's own (TEMP).
  func apart<T>(_ body: (Database) throws -> T) throws(Fatal) -> T {
    try Self.guarded(path) { try queue.writeWithoutTransaction(body) }
  }

  /// Brings the table to its newest form.
  func migrate(_ migrator: DatabaseMigrator) throws(Fatal) {
    try Self.guarded(path) {
      do { try migrator.migrate(queue) } catch let error as DatabaseError
        where error.resultCode == .SQLITE_CONSTRAINT
      {
        // Another process did the same at the same time and was first.
        try migrator.migrate(queue)
      }
    }
  }

  private static func guarded<T>(_ path: String, _ body: () throws -> T) throws(Fatal) -> T {
    do { return try body() } catch { throw fatal(path, error) }
  }

  private static func fatal(_ path: String, _ error: any Error) -> Fatal {
    (error as? Fatal) ?? Fatal(index: path, error)
  }
}

extension Fatal {
  /// What an error of SQLite means for a run.
  init(index path: String, _ error: any Error) {
    guard let error = error as? DatabaseError else {
      self.init(.other, "the index \(path): \(Format.reason(error))")
      return
    }
    let reason = error.message ?? "error \(error.extendedResultCode.rawValue)"
    func because(_ code: ToolExit, _ advice: String = "") -> Fatal {
      Fatal(
        code,
        Format.printable(
          "the index \(path) cannot be used: \(reason)\(FileSizeLimit.hint)\(advice)"))
    }
    switch error.resultCode {
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      self = because(
        .unavailable,
        ". Another process held the lock for too long; see which process has the file open.")
    case .SQLITE_CANTOPEN:
      self = because(.unavailable, ". Check that the file and its folder exist and are writable.")
    case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY:
      self = because(.inputOutput)
    case .SQLITE_CORRUPT:
      self = because(.inputOutput, "; restore a copy, or try `sqlite3 \(path) .recover`")
    case .SQLITE_AUTH, .SQLITE_PERM: self = because(.permission)
    case .SQLITE_NOTADB:
      self = Fatal(
        .configuration, "\(path) is not a SQLite database: expected the file of an index")
    case .SQLITE_CONSTRAINT, .SQLITE_MISMATCH:
      self = because(.configuration, ". The table rejects what is written; see docs/index.md.")
    case .SQLITE_ERROR where Self.meansAnotherTable.contains(where: reason.contains):
      self = because(.configuration, ". The table does not have the columns of docs/index.md.")
    default: self = because(.other)
    }
  }

  /// How SQLite says that the table is not the one that we expect.
  private static let meansAnotherTable = [
    "no such table", "no such column", "no such index", "has no column named",
    "ON CONFLICT clause does not match",
  ]
}
