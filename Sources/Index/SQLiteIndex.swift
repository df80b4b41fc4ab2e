import Common
import GRDB
import Glibc
import Stages

/// The index in a SQLite file, for one machine. Any number of processes may work on it.
public struct SQLiteIndex: DocumentIndex {
  let database: SQLiteDatabase

  /// Opens the file at `path`; see ``openIndex(_:creating:)``.
  public init(path: String, creating: Bool = false) throws(Fatal) {
    // SQLite would create a missing file, and a mistyped path would look like an empty index.
    guard creating || access(path, F_OK) == 0 else {
      let reason = String(cString: strerror(errno))
      throw Fatal(
        .configuration,
        "there is no index at \(path): \(reason); `enqueue --import FILE --index \(path)` creates "
          + "one")
    }
    database = try SQLiteDatabase(path: path)
    try prepare(creating: creating)
  }

  private func prepare(creating: Bool) throws(Fatal) {
    let migrator = SQLiteSchema.migrator
    let state = try database.read { db in
      (
        isNewer: try migrator.hasBeenSuperseded(db),
        isOurs: try !migrator.appliedMigrations(db).isEmpty,
        isComplete: try migrator.hasCompletedMigrations(db)
      )
    }
    if state.isNewer {
      throw Fatal(
        .configuration, "the index \(database.path) was made by a newer version; use that one")
    }
    if !state.isComplete, creating || state.isOurs {
      try checkColumns(SQLiteSchema.needed, unlessMissing: true)
      try database.migrate(migrator)
    }
    try checkColumns(SQLiteSchema.needed + SQLiteSchema.added.map(\.name), unlessMissing: false)
  }

  /// Throws where the table lacks columns. `unlessMissing` accepts that there is no table at all.
  private func checkColumns(_ names: [String], unlessMissing: Bool) throws(Fatal) {
    let present = try database.read { db in
      try db.tableExists(SQLiteSchema.table)
        ? Set(db.columns(in: SQLiteSchema.table).map(\.name)) : []
    }
    if present.isEmpty, unlessMissing { return }
    guard !present.isEmpty else {
      throw Fatal(
        .configuration,
        "\(database.path) has no table \(SQLiteSchema.table); "
          + "`enqueue --import FILE --index \(database.path)` creates it")
    }
    let missing = names.filter { !present.contains($0) }
    guard missing.isEmpty else {
      let ours = Set(SQLiteSchema.added.map(\.name))
      let advice =
        missing.allSatisfy(ours.contains)
        ? "; `enqueue --import FILE --index \(database.path)` adds them" : "; see docs/index.md"
      throw Fatal(
        .configuration,
        "the table \(SQLiteSchema.table) in \(database.path) lacks the columns "
          + missing.joined(separator: ", ") + advice)
    }
  }
}

extension Condition {
  /// The bound values, for SQLite.
  var arguments: [any DatabaseValueConvertible] {
    values.map {
      switch $0 {
      case .int(let value): value
      case .text(let value): value
      }
    }
  }
}

/// Values to be bound, pieced together from conditions and others in the order of the SQL.
func bound(_ parts: [any DatabaseValueConvertible]...) -> StatementArguments {
  StatementArguments(parts.flatMap(\.self))
}
