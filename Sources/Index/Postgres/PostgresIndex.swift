import Common
import Postgres

/// The index in PostgreSQL, for any number of machines: leases and fencing make their pipelines safe
/// side by side.
///
/// Whatever is asked of it is safe to ask again, so that a connection that breaks costs a moment and
/// not the run: see ``PostgresPool``.
package struct PostgresIndex: DocumentIndex {
  let pool: PostgresPool
  let table: PostgresTable
  /// See ``DocumentIndex/refusals``.
  package let refusals = Refusals()
  let streak = RefusalStreak()

  /// Opens the index that a `postgres://` URL names; see ``openIndex(_:creating:connections:)``.
  package init(
    url: String, connections: Int = 4, retryTimeout: Double = 60, stop: ShutdownSignal? = nil
  ) throws(Fatal) {
    pool = try PostgresPool(
      url: url, for: Self.purpose, size: connections, retryTimeout: retryTimeout, stop: stop)
    let name = pool.name
    // A server that cannot be reached at the start is reported at once.
    table = try pool.use(retryTimeout: 0) { connection, _ in
      guard let table = try PostgresTable(connection) else {
        throw try PostgresTable.missing(connection, in: name)
      }
      return table
    }
    try table.check(SQLiteSchema.needed, in: name, "; see docs/index.md")
    try table.check(PostgresSchema.added, in: name, "; `enqueue migrate` adds them")
    try table.checkShape(in: name)
  }

  static let purpose = PostgresPool.Purpose(
    "index", guide: "docs/index.md", missing: "run `enqueue migrate`")
}

extension PostgresIndex {
  /// See ``DocumentIndex/report(_:)``.
  package func report(_ selection: Selection) throws -> Report {
    try pool.use { connection, _ in
      try connection.transaction("REPEATABLE READ READ ONLY") {
        try connection.queries(selection).report()
      }
    }
  }

  /// See ``DocumentIndex/health(_:)``.
  package func health(_ selection: Selection) throws -> Health {
    try pool.use { connection, _ in
      try connection.transaction("REPEATABLE READ READ ONLY") {
        try connection.queries(selection).health()
      }
    }
  }

  /// See ``DocumentIndex/failures(_:newest:)``.
  package func failures(_ selection: Selection, newest: Int) throws -> Failures {
    try pool.use { connection, _ in
      try connection.transaction("REPEATABLE READ READ ONLY") {
        try connection.queries(selection).failures(newest: newest)
      }
    }
  }

  /// See ``DocumentIndex/mismatches(_:after:count:)``.
  package func mismatches(
    _ selection: Selection, after id: Int, count: Int
  ) throws -> [Mismatch] {
    try pool.use { connection, _ in
      try connection.queries(selection).mismatches(after: id, count: count)
    }
  }

  /// See ``DocumentIndex/documents(named:)``.
  package func documents(named name: DocumentName) throws -> [IndexedDocument] {
    try pool.use { connection, _ in try connection.queries(Selection()).documents(named: name) }
  }

  /// See ``DocumentIndex/counts(_:)``.
  package func counts(_ selection: Selection) throws -> StatusCounts {
    try pool.use { connection, _ in try connection.queries(selection).statusCounts() }
  }

  /// See ``DocumentIndex/values(of:)``.
  package func values(of column: NamedColumn) throws -> Set<String> {
    try pool.use { connection, _ in try connection.queries(Selection()).values(of: column) }
  }

  /// See ``DocumentIndex/typeCounts(_:top:)``.
  package func typeCounts(_ selection: Selection, top: Int) throws -> [(type: String, count: Int)] {
    try pool.use { connection, _ in try connection.queries(selection).typeCounts(top: top) }
  }
}

extension Connection {
  fileprivate func queries(_ selection: Selection) -> ReportQueries {
    ReportQueries(dialect: .postgres, selection: selection) { sql, values in
      try self.query(sql, values).values
    } groups: { groupings, documents in
      try groupings.map { grouping in
        try self.query(grouping.sql(documents), documents.values).values.map(grouping.group)
      }
    }
  }
}

extension Dialect {
  fileprivate static let postgres = Dialect(
    // The users' column has no time zone, and their software writes its session's time.
    later: "LOCALTIMESTAMP + make_interval(secs => ?)", span: { .text(Format.fixed($0, 3)) },
    seconds: { "EXTRACT(EPOCH FROM \($1) - \($0))" }, now: "LOCALTIMESTAMP",
    hour: "date_trunc('hour', downloaded_at)",
    hourNumber: "CASE WHEN isfinite(hour) THEN (EXTRACT(EPOCH FROM hour) / 3600)::bigint END",
    isTime: "isfinite(downloaded_at)", timeZone: "current_setting('TimeZone')",
    stale: PostgresSchema.stale)
}

extension PostgresPool {
  /// One statement, a transaction by itself, that is safe to repeat; a `?` for each value.
  func query(_ sql: String, _ values: [Condition.Value] = []) throws(Fatal) -> Rows {
    try use { connection, _ throws in try connection.query(sql, values) }
  }
}

extension Connection {
  /// Runs a statement with a `?` for each value.
  @discardableResult
  func query(_ sql: String, _ values: [Condition.Value]) throws(PostgresError) -> Rows {
    try query(
      numbered(sql),
      values.map { value in
        switch value {
        case .int(let number): String(number)
        case .text(let text): text
        }
      } as [String?])
  }
}

/// The same statement with `$1`, `$2`, … for its question marks. No statement has one in a string.
func numbered(_ sql: String) -> String {
  var number = 0
  var text = ""
  for character in sql {
    if character == "?" {
      number += 1
      text += "$\(number)"
    } else {
      text.append(character)
    }
  }
  return text
}
