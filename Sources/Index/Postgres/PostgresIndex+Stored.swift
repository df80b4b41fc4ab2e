import Common
import Postgres

// What the store ought to have.
extension PostgresIndex {
  /// See ``DocumentIndex/storedRows(_:)``.
  package func storedRows(_ selection: Selection) throws -> any StoredRowPages {
    try pool.apart { () throws(PostgresError) in try PostgresStoredRows(pool, selection) }
  }

  /// See ``DocumentIndex/statuses(of:)``.
  package func statuses(of ids: [String]) throws -> [String: DocumentStatus] {
    let numbers = ids.compactMap { Int64($0) }.map { String($0) }
    let rows = try pool.query(
      "SELECT id, download_status FROM index_documents WHERE id = ANY (?::bigint[])",
      [.text(arrayLiteral(numbers))])
    var statuses: [String: DocumentStatus] = [:]
    for row in rows.values {
      if let id = row[0] { statuses[id] = row[1].map(DocumentStatus.init) }
    }
    return statuses
  }
}

/// A cursor of the server, on a connection of its own: it sorts on its disk and sends page by page.
private final class PostgresStoredRows: StoredRowPages {
  private let connection: Connection
  private let pool: PostgresPool

  init(_ pool: PostgresPool, _ selection: Selection) throws(PostgresError) {
    let connection = try pool.connect()
    let documents = selection.documents
    try connection.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    // All rows will be read: without this the planner would favour the first ones.
    try connection.query("SET LOCAL cursor_tuple_fraction = 1")
    try connection.query(
      """
      DECLARE stored_rows NO SCROLL CURSOR FOR
      SELECT \(StoredRows.columns),
        GREATEST(-9e12, LEAST(9e12, EXTRACT(EPOCH FROM downloaded_at::timestamptz) * 1000))::bigint
          * 1000000, (\(documents.sql))
      FROM index_documents WHERE \(StoredRows.condition)
      ORDER BY COALESCE(gcs_path, '') COLLATE "C"
      """, documents.values)
    self.connection = connection
    self.pool = pool
  }

  func next() throws -> [StoredRow]? {
    let rows = try pool.apart { () throws(PostgresError) in
      try connection.query("FETCH \(StoredRows.page) FROM stored_rows")
    }
    let page = rows.values.compactMap { row in
      row[0].flatMap { Int($0) }.map { id in
        StoredRow(
          id: id, status: DocumentStatus(row[1] ?? ""), url: row[2],
          bytes: row[3].flatMap { Int($0) },
          sha256: row[4], md5: row[5], completedAt: row[6].flatMap { Int64($0) },
          isSelected: row[7] == "t")
      }
    }
    return page.isEmpty ? nil : page
  }
}
