import Common
import Postgres

/// Brings a table in PostgreSQL to the form that we need; see ``PostgresSchema``.
public struct PostgresMigration: Sendable {
  /// Any number: what all who migrate an index agree on.
  private static let lock = "7263548190"

  private let pool: PostgresPool

  /// What messages call the index.
  public var name: String { "the index \(pool.name)" }

  /// For the database that a `postgres://` URL names.
  public init(url: String, stop: Stop? = nil) throws(Fatal) {
    pool = try PostgresPool(
      url: url, for: PostgresIndex.purpose, size: 1, patience: 0, stop: stop)
  }

  /// What the table lacks and a migration would add, in words; nothing where there is no table. Any
  /// role may ask: the catalogue tells.
  public func missing() throws(Fatal) -> [String] {
    try pool.use { connection, _ in
      let present = try PostgresSchema.columns(connection)
      guard !present.isEmpty else { return [] }
      let columns = PostgresSchema.added.filter { !present.contains($0) }
      let indexes = try PostgresSchema.indexNames.filter { name in
        let found = try connection.query(
          "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND indisvalid", [name])
        return found.values.isEmpty
      }
      let isOne = columns.count == 1
      return
        (columns.isEmpty
        ? [] : ["the \(isOne ? "column" : "columns") " + columns.joined(separator: ", ")])
        + indexes.map { "the database index \($0)" }
    }
  }

  /// Makes the changes that are missing, each once, and returns their names. With `isDryRun` it makes
  /// none. With `creating`, it makes the table first, where there is none.
  @discardableResult
  public func run(isDryRun: Bool = false, creating: Bool = false) throws(Fatal) -> [String] {
    let name = pool.name
    return try pool.use { connection, _ in
      // Not one that waits: waiting for it inside a statement would keep an index from being built.
      let locked = try connection.query("SELECT pg_try_advisory_lock(\(Self.lock))")
      guard locked.values.first?[0] == "t" else {
        throw Fatal(.unavailable, "another migration of \(name) is running; try again later")
      }
      defer { _ = try? connection.query("SELECT pg_advisory_unlock(\(Self.lock))") }
      return try Self.migrate(connection, name, isDryRun: isDryRun, creating: creating)
    }
  }

  private static func migrate(
    _ connection: Connection, _ name: String, isDryRun: Bool, creating: Bool
  ) throws -> [String] {
    var made: [String] = []
    let present = try PostgresSchema.columns(connection)
    if present.isEmpty {
      guard creating else {
        throw Fatal(
          .configuration, "\(name) has no table index_documents; `enqueue --init` creates it")
      }
      made.append("0-documents")
      if !isDryRun {
        try connection.transaction {
          for statement in PostgresSchema.create { try connection.query(statement) }
        }
      }
    } else {
      try PostgresSchema.check(present, SQLiteSchema.needed, in: name, "; see docs/index.md")
    }
    let versions = try self.versions(connection)
    let known = PostgresSchema.steps.map(\.version).max() ?? 0
    if let newest = versions.max(), newest > known {
      throw Fatal(.configuration, "the index \(name) was made by a newer version; use that one")
    }
    for step in PostgresSchema.steps where !versions.contains(step.version) {
      made.append(step.file)
      if !isDryRun { try make(step, connection) }
    }
    return made
  }

  private static func versions(_ connection: Connection) throws -> [Int] {
    let table = try connection.query("SELECT to_regclass('conveyor_migrations')")
    guard table.values.first?[0] != nil else { return [] }
    return try connection.query("SELECT version FROM conveyor_migrations").values
      .compactMap { $0[0].flatMap { Int($0) } }
  }

  private static func make(_ step: PostgresSchema.Step, _ connection: Connection) throws {
    // A table that others read all day must not make everybody queue behind us: rather try again.
    try connection.query("SET lock_timeout = '10s'")
    defer { _ = try? connection.query("RESET lock_timeout") }
    func apply() throws {
      for statement in step.statements { try connection.query(statement) }
      try connection.query(
        """
        CREATE TABLE IF NOT EXISTS conveyor_migrations (
          version integer PRIMARY KEY, name text NOT NULL,
          applied_at timestamptz NOT NULL DEFAULT now())
        """)
      try connection.query(
        "INSERT INTO conveyor_migrations (version, name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        [String(step.version), step.file])
    }
    guard !step.isTransaction else { return try connection.transaction { try apply() } }
    for index in PostgresSchema.indexNames {
      let broken = try connection.query(
        "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid", [index])
      if !broken.values.isEmpty {
        try connection.query("DROP INDEX CONCURRENTLY IF EXISTS \(index)")
      }
    }
    try apply()
  }
}
