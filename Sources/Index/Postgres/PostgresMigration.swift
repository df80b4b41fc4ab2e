import Common
import Postgres

/// Brings a table in PostgreSQL to the form that we need; see ``PostgresSchema``.
package struct PostgresMigration: Sendable {
  /// Any number: what all who migrate an index agree on.
  private static let lock = "7263548190"

  private let pool: PostgresPool

  /// What messages call the index.
  package var name: String { "the index \(pool.name)" }

  /// For the database that a `postgres://` URL names.
  package init(url: String, stop: ShutdownSignal? = nil) throws(Fatal) {
    pool = try PostgresPool(
      url: url, for: PostgresIndex.purpose, size: 1, retryTimeout: 0, stop: stop)
  }

  /// What the table lacks and a migration would add, for people; empty if there is no table. Any
  /// role may ask: the catalogue is readable for all.
  package func missing() throws(Fatal) -> [String] {
    try pool.use { connection, _ in
      try PostgresTable(connection).map { try Self.missing(in: $0, connection) } ?? []
    }
  }

  /// What a migration would do, in lines for people: what is missing, whose table it is, who asks, and
  /// what the owner has to run. Throws with exit code 77 where this role may not do it.
  package func plan() throws(Fatal) -> [String] {
    let name = pool.name
    return try pool.use { connection, _ in
      guard let table = try PostgresTable(connection) else {
        throw try PostgresTable.missing(connection, in: name)
      }
      try table.check(SQLiteSchema.needed, in: name, "; see docs/index.md")
      try table.checkShape(in: name)
      var lines = try Self.missing(in: table, connection).map { "would add \($0)" }
      lines += try Self.oddities(connection).map { "would set \($0.plan)" }
      guard !lines.isEmpty else { return [] }
      lines.append(
        "the owner of \(table.schema).index_documents is \(table.owner), and you are \(table.role)")
      if !table.mayAlter { throw Self.notAllowed(table, name, lines) }
      return lines
    }
  }

  private static func missing(
    in table: PostgresTable, _ connection: Connection
  ) throws(PostgresError) -> [String] {
    let columns = PostgresSchema.added.filter { table.columns[$0] == nil }
    var indexes: [String] = []
    for name in PostgresSchema.indexNames {
      let found = try connection.query(
        "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND indisvalid", [name])
      if found.values.isEmpty { indexes.append(name) }
    }
    let isOne = columns.count == 1
    return
      (columns.isEmpty
      ? [] : ["the \(isOne ? "column" : "columns") " + columns.joined(separator: ", ")])
      + indexes.map { "the database index \($0)" }
  }

  /// Makes the changes that are missing, each once, and returns their names, and what odd values were
  /// set right. With `creating`, it makes the table first, where there is none.
  @discardableResult
  package func run(creating: Bool = false) throws(Fatal) -> [String] {
    let name = pool.name
    return try pool.use { connection, _ in
      // Not one that waits: waiting for it inside a statement would keep an index from being built.
      let locked = try connection.query("SELECT pg_try_advisory_lock(\(Self.lock))")
      guard locked.values.first?[0] == "t" else {
        throw Fatal(.unavailable, "another migration of \(name) is running. Try again later.")
      }
      defer { _ = try? connection.query("SELECT pg_advisory_unlock(\(Self.lock))") }
      return try Self.migrate(connection, name, creating: creating)
    }
  }

  private static func migrate(
    _ connection: Connection, _ name: String, creating: Bool
  ) throws -> [String] {
    var made: [String] = []
    if try PostgresTable(connection) == nil {
      let missing = try PostgresTable.missing(connection, in: name)
      // One in another schema is most likely the one that is meant, and a second would only confuse.
      guard creating, missing.message.contains("enqueue init") else { throw missing }
      try connection.transaction {
        for statement in PostgresSchema.create { try connection.query(statement) }
      }
      made.append("0-documents")
    }
    guard let table = try PostgresTable(connection) else {
      throw try PostgresTable.missing(connection, in: name)
    }
    try table.check(SQLiteSchema.needed, in: name, "; see docs/index.md")
    try table.checkShape(in: name)
    let versions = try self.versions(connection)
    let known = PostgresSchema.steps.map(\.version).max() ?? 0
    if let newest = versions.max(), newest > known {
      throw Fatal(
        .configuration,
        "the index \(name) was made by a newer version of Conveyor. Use that version.")
    }
    let steps = PostgresSchema.steps.filter { !versions.contains($0.version) }
    if !table.mayAlter, !steps.isEmpty {
      throw notAllowed(table, name, try missing(in: table, connection).map { "it lacks \($0)" })
    }
    for step in steps {
      try make(step, table, connection)
      made.append(step.file)
    }
    for oddity in try oddities(connection) {
      try connection.query(oddity.sql)
      made.append(oddity.plan)
    }
    return made
  }

  /// A migration that this role may not make, and who may.
  private static func notAllowed(
    _ table: PostgresTable, _ name: String, _ lines: [String]
  ) -> Fatal {
    let place = name.split(separator: "//", maxSplits: 1).last.map(String.init) ?? name
    return Fatal(
      .permission,
      Format.printable(
        "only the owner of the table \(table.schema).index_documents, \(table.owner), can change it, and "
          + "you are \(table.role) (\(lines.joined(separator: "; "))). As \(table.owner), run: enqueue "
          + "migrate --index postgres://\(table.owner)@\(place)"))
  }

  private static func versions(_ connection: Connection) throws -> [Int] {
    let table = try connection.query("SELECT to_regclass('conveyor_migrations')")
    guard table.values.first?[0] != nil else { return [] }
    return try connection.query("SELECT version FROM conveyor_migrations").values
      .compactMap { $0[0].flatMap { Int($0) } }
  }

  /// Values of the users' columns that no claim finds or orders, and what sets them right.
  private static func oddities(
    _ connection: Connection
  ) throws(PostgresError) -> [(plan: String, sql: String)] {
    var found: [(plan: String, sql: String)] = []
    for odd in StatusWords.mends {
      let rows = try connection.query("SELECT COUNT(*) FROM index_documents WHERE \(odd.condition)")
      let count = rows.values.first?[0].flatMap { Int($0) } ?? 0
      guard count > 0 else { continue }
      found.append(
        (
          "\(odd.what) in \(count) rows",
          "UPDATE index_documents SET \(odd.change) WHERE \(odd.condition)"
        ))
    }
    return found
  }

  private static func make(
    _ step: PostgresSchema.Step, _ table: PostgresTable, _ connection: Connection
  ) throws {
    // A table that others read all day must not make everybody queue behind us: rather try again.
    try connection.query("SET lock_timeout = '10s'")
    defer { _ = try? connection.query("RESET lock_timeout") }
    func note() throws {
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
    guard !step.isTransaction else {
      return try connection.transaction {
        for statement in step.statements { try connection.query(statement) }
        try note()
      }
    }
    for index in PostgresSchema.indexNames where !table.isPartitioned {
      try dropInvalid(index, connection)
    }
    for statement in step.statements {
      if table.isPartitioned {
        try build(statement, connection)
      } else {
        try connection.query(statement)
      }
    }
    try note()
  }

  /// One whose building was cut off stays behind, and is of no use.
  private static func dropInvalid(_ index: String, _ connection: Connection) throws {
    let broken = try connection.query(
      "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid", [index])
    if !broken.values.isEmpty {
      try connection.query("DROP INDEX CONCURRENTLY IF EXISTS \(index)")
    }
  }

  /// An index of a partitioned table cannot be built CONCURRENTLY (PostgreSQL manual, CREATE INDEX): that
  /// is done for each partition, and the index of the whole takes those over, in a moment.
  private static func build(_ statement: String, _ connection: Connection) throws {
    let partitions = try connection.query(
      """
      SELECT p.relid::regclass, p.relid::bigint FROM pg_partition_tree('index_documents') AS p
      JOIN pg_class AS c ON c.oid = p.relid WHERE p.isleaf AND c.relkind = 'r'
      """
    ).values.compactMap { row in row[0].flatMap { name in row[1].map { (name: name, id: $0) } } }
    guard let words = PostgresSchema.IndexWords(statement) else { return }
    for partition in partitions {
      // The name of a whole index and a number: unique, and known again.
      let name = "\(words.name)_\(partition.id)"
      let found = try connection.query(
        """
        SELECT indexrelid::regclass, indisvalid FROM pg_index AS i
        JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = $1::oid AND c.relname = $2
        """, [partition.id, name]
      ).values.first
      if let found, found[1] == "f" {
        try connection.query("DROP INDEX CONCURRENTLY IF EXISTS \(found[0] ?? name)")
      }
      if found == nil || found?[1] == "f" {
        try connection.query("CREATE INDEX CONCURRENTLY \(name) ON \(partition.name) \(words.rest)")
      }
    }
    try connection.query(
      "CREATE INDEX IF NOT EXISTS \(words.name) ON index_documents \(words.rest)")
  }
}
