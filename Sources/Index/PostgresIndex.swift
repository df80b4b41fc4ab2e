import Common
import Postgres
import Stages

/// The index in PostgreSQL, for any number of machines: leases and fencing make their pipelines safe
/// side by side.
///
/// Whatever is asked of it is safe to ask again, so that a connection that breaks costs a moment and
/// not the run: see ``PostgresPool``.
public struct PostgresIndex: DocumentIndex {
  let pool: PostgresPool

  /// Opens the index that a `postgres://` URL names; see ``openIndex(_:creating:connections:)``.
  public init(url: String, connections: Int = 4, patience: Double = 60) throws(Fatal) {
    pool = try PostgresPool(
      url: url, for: Self.purpose, size: connections, patience: patience)
    let name = pool.name
    // A server that cannot be reached at the start is told at once.
    let present = try pool.use(patience: 0) { connection, _ throws in
      try PostgresSchema.columns(connection)
    }
    guard !present.isEmpty else {
      throw Fatal(
        .configuration,
        "\(name) has no table index_documents; `enqueue --init` creates it")
    }
    try PostgresSchema.check(present, SQLiteSchema.needed, in: name, "; see docs/index.md")
    try PostgresSchema.check(
      present, PostgresSchema.added, in: name, "; `enqueue --migrate` adds them")
  }

  static let purpose = PostgresPool.Purpose(
    "index", guide: "docs/index.md", missing: "run `enqueue --migrate`")

  /// See ``DocumentIndex/add(_:)``.
  ///
  /// One JSON text for all rows: `json_populate_recordset` reads each value as its column's own type
  /// does, whatever types the users' table has.
  public func add(_ rows: [ImportedRow]) throws -> Int {
    guard !rows.isEmpty else { return 0 }
    let columns = ImportedColumns.all
    let objects = rows.map { row in
      var object = JSONObject()
      for column in columns {
        if let text = row.values[column.name] ?? nil { object[column.name] = .string(text) }
      }
      return JSON.object(object)
    }
    let names = columns.map(\.name).joined(separator: ", ")
    let values = columns.map { column in
      column.fallback.map { fallback in
        let value = column.kind == .boolean ? "FALSE" : "'\(fallback)'"
        return "COALESCE(\(column.name), \(value))"
      } ?? column.name
    }
    return try pool.query(
      """
      INSERT INTO index_documents (\(names))
      SELECT \(values.joined(separator: ", "))
      FROM json_populate_recordset(NULL::index_documents, ?::json)
      ON CONFLICT (book, page, source) DO NOTHING
      """, [.text(JSON.array(objects).description)]
    ).affected
  }
}

extension PostgresIndex {
  /// See ``DocumentIndex/report(_:)``.
  public func report(_ selection: Selection) throws -> Report {
    try pool.use { connection, _ in
      try connection.transaction("REPEATABLE READ READ ONLY") {
        try connection.queries(selection).report()
      }
    }
  }

  /// See ``DocumentIndex/health(_:)``.
  public func health(_ selection: Selection) throws -> Health {
    try pool.use { connection, _ in
      try connection.transaction("REPEATABLE READ READ ONLY") {
        try connection.queries(selection).health()
      }
    }
  }

  /// See ``DocumentIndex/mismatches(_:after:count:)``.
  public func mismatches(
    _ selection: Selection, after id: Int, count: Int
  ) throws -> [Mismatch] {
    try pool.use { connection, _ in
      try connection.queries(selection).mismatches(after: id, count: count)
    }
  }

  /// See ``DocumentIndex/counts(_:)``.
  public func counts(_ selection: Selection) throws -> StatusCounts {
    try pool.use { connection, _ in try connection.queries(selection).statusCounts() }
  }

  /// See ``DocumentIndex/typeCounts(_:top:)``.
  public func typeCounts(_ selection: Selection, top: Int) throws -> [(type: String, count: Int)] {
    try pool.use { connection, _ in try connection.queries(selection).typeCounts(top: top) }
  }
}

extension Connection {
  fileprivate func queries(_ selection: Selection) -> ReportQueries {
    ReportQueries(dialect: .postgres, selection: selection) { sql, values in
      try self.query(sql, values).values
    }
  }
}

extension Dialect {
  fileprivate static let postgres = Dialect(
    // The users' column has no time zone, and their software writes its session's time.
    later: "LOCALTIMESTAMP + make_interval(secs => ?)", span: { .text(Format.fixed($0, 3)) },
    seconds: { "EXTRACT(EPOCH FROM \($1) - \($0))" }, now: "LOCALTIMESTAMP",
    hour: "date_trunc('hour', downloaded_at)",
    hourNumber: "(EXTRACT(EPOCH FROM hour) / 3600)::bigint", stale: PostgresSchema.stale)
}
