import Common
import GRDB
import Glibc

/// The index in a SQLite file, for one machine. Any number of processes may work on it.
package struct SQLiteIndex: DocumentIndex {
  let database: SQLiteDatabase
  /// See ``DocumentIndex/refusals``.
  package let refusals = Refusals()
  let streak = RefusalStreak()

  /// Opens the file at `path`; see ``openIndex(_:creating:)``.
  package init(path: String, creating: Bool = false) throws(Fatal) {
    if !creating { try Self.expectFile(path) }
    database = try SQLiteDatabase(path: path)
    try prepare(creating: creating)
  }

  /// SQLite would create a missing file, and a mistyped path would look like an empty index.
  private static func expectFile(_ path: String) throws(Fatal) {
    guard access(path, F_OK) != 0 else { return }
    let reason = String(cString: strerror(errno))
    throw Fatal(
      .configuration,
      "cannot open the index \(path): \(reason). Create it with: enqueue import FILE --index \(path)"
    )
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
        .configuration,
        "the index \(database.path) was made by a newer version of Conveyor. Use that version.")
    }
    if creating || state.isOurs && !state.isComplete {
      try checkColumns(SQLiteSchema.needed, unlessMissing: true)
      try database.migrate(migrator)
    }
    // What was removed since.
    if creating, state.isComplete { try database.write { try SQLiteSchema.addWhatIsMissing($0) } }
    try checkColumns(SQLiteSchema.needed + SQLiteSchema.added.map(\.name), unlessMissing: false)
  }

  /// Throws where the table lacks columns. `unlessMissing` accepts that there is no table at all.
  private func checkColumns(_ names: [String], unlessMissing: Bool) throws(Fatal) {
    let columns = try database.read { db in
      try db.tableExists(SQLiteSchema.table) ? db.columns(in: SQLiteSchema.table) : []
    }
    let present = Set(columns.map(\.name))
    if present.isEmpty, unlessMissing, try !isView() { return }
    guard try !isView() else {
      throw Fatal(
        .configuration,
        "\(SQLiteSchema.table) in \(database.path) is a view: documents can be claimed only in a "
          + "table. Make it a table, or import its rows into a new index (enqueue import).")
    }
    guard !present.isEmpty else { throw Self.missingTable(database.path) }
    let missing = names.filter { !present.contains($0) }
    guard missing.isEmpty else {
      let ours = Set(SQLiteSchema.added.map(\.name))
      let advice =
        missing.allSatisfy(ours.contains)
        ? "; `enqueue import FILE --index \(database.path)` adds them" : "; see docs/index.md"
      throw Fatal(
        .configuration,
        "the table \(SQLiteSchema.table) in \(database.path) lacks the columns "
          + missing.joined(separator: ", ") + advice)
    }
    try checkIds(columns.first { $0.name == "id" }?.type ?? "TEXT")
  }

  private static func missingTable(_ path: String) -> Fatal {
    Fatal(
      .configuration,
      "\(path) has no table \(SQLiteSchema.table); `enqueue import FILE --index \(path)` creates it"
    )
  }

  /// Throws where ids cannot be told apart, or are no whole numbers: a lease of one would be another's. SQLite takes
  /// what looks like a number for one where the type says INT (datatype3, 3.1), and enforces neither that nor that a
  /// value is there, but in an INTEGER PRIMARY KEY.
  private func checkIds(_ type: String) throws(Fatal) {
    let table = SQLiteSchema.table
    let isWhole = type.isEmpty || type.uppercased().contains("INT")
    let problem = try database.read { db -> String? in
      guard isWhole else { return "that are not whole numbers" }
      if try db.primaryKey(table).rowIDColumn == "id" { return nil }
      func has(_ rows: String) throws -> Bool {
        try Int.fetchOne(db, sql: "SELECT 1 FROM \(table) \(rows) LIMIT 1") != nil
      }
      if try has("WHERE typeof(id) <> 'integer'") { return "that are not whole numbers" }
      if try db.table(table, hasUniqueKey: ["id"]) { return nil }
      return try has("GROUP BY id HAVING COUNT(*) > 1") ? "that several documents have" : nil
    }
    guard let problem else { return }
    throw Fatal(
      .configuration,
      "\(table) in \(database.path) has ids \(problem). Give the table an INTEGER PRIMARY KEY named id"
    )
  }

  private func isView() throws(Fatal) -> Bool {
    try database.read { db in try db.viewExists(SQLiteSchema.table) }
  }

  /// What a migration would add and set right, in lines for people; nothing where it would do nothing. Throws where
  /// there is no file, or no table in it.
  package static func plan(path: String) throws(Fatal) -> [String] {
    try expectFile(path)
    let database = try SQLiteDatabase(path: path)
    return try database.read { db in
      guard try db.tableExists(SQLiteSchema.table) else { throw missingTable(path) }
      let present = Set(try db.columns(in: SQLiteSchema.table).map(\.name))
      let columns = SQLiteSchema.added.map(\.name).filter { !present.contains($0) }
      let indexes = try SQLiteSchema.indexNames.filter { name in
        try Int.fetchOne(
          db, sql: "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ?",
          arguments: [name]) == nil
      }
      return columns.map { "would add the column \($0)" }
        + indexes.map { "would add the database index \($0)" }
        + (try oddities(db).map { "would set \($0.what) in \($0.count) rows" })
    }
  }

  /// Sets right what no claim finds or orders. Returns what was done, in lines for people.
  package func mend() throws(Fatal) -> [String] {
    try database.write { db in
      try Self.oddities(db).map { odd in
        try db.execute(sql: "UPDATE \(SQLiteSchema.table) SET \(odd.change) WHERE \(odd.condition)")
        return "\(odd.what) in \(odd.count) rows"
      }
    }
  }

  private static func oddities(
    _ db: Database
  ) throws -> [(condition: String, change: String, what: String, count: Int)] {
    try StatusWords.mends.compactMap { odd in
      let count =
        try Int.fetchOne(
          db, sql: "SELECT COUNT(*) FROM \(SQLiteSchema.table) WHERE \(odd.condition)") ?? 0
      return count == 0 ? nil : (odd.condition, odd.change, odd.what, count)
    }
  }
}

extension Condition {
  /// The bound values, for SQLite.
  var arguments: [any DatabaseValueConvertible] { Self.arguments(values) }

  /// The same values, for SQLite.
  static func arguments(_ values: [Value]) -> [any DatabaseValueConvertible] {
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
