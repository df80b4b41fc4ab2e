import Common
import GRDB

// What the store ought to have.
extension SQLiteIndex {
  /// See ``DocumentIndex/storedRows(_:)``.
  ///
  /// Sorted into a table of this connection's own: the file is locked against writers only while that
  /// is made, and not while a store is listed, which takes minutes.
  package func storedRows(_ selection: Selection) throws -> any StoredRowPages {
    let documents = selection.documents
    try database.apart { db in
      try db.execute(
        sql: """
          DROP TABLE IF EXISTS temp.stored_rows;
          CREATE TEMP TABLE stored_rows (
            place INTEGER PRIMARY KEY, id INTEGER, download_status TEXT, gcs_path TEXT,
            content_bytes INTEGER, content_sha256 TEXT, content_md5 TEXT, completed_at INTEGER,
            is_selected INTEGER)
          """)
      try db.execute(
        sql: """
          INSERT INTO temp.stored_rows (
            id, download_status, gcs_path, content_bytes, content_sha256, content_md5, completed_at,
            is_selected)
          SELECT \(StoredRows.columns),
            CAST(ROUND((julianday(downloaded_at) - 2440587.5) * 86400000) AS INTEGER) * 1000000, (\(documents.sql))
          FROM index_documents WHERE \(StoredRows.condition)
          ORDER BY COALESCE(CAST(gcs_path AS BLOB), x'')
          """, arguments: bound(documents.arguments))
    }
    return SQLiteStoredRows(database)
  }

  /// See ``DocumentIndex/statuses(of:)``.
  package func statuses(of ids: [String]) throws -> [String: DocumentStatus] {
    let numbers = ids.compactMap { Int64($0) }.map { String($0) }.joined(separator: ",")
    return try database.read { db in
      var statuses: [String: DocumentStatus] = [:]
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT id, download_status FROM index_documents
          WHERE id IN (SELECT value FROM json_each(?))
          """, arguments: ["[\(numbers)]"])
      while let row = try rows.next() {
        statuses[String(row[0] as Int64)] = String.fromDatabaseValue(row[1]).map(
          DocumentStatus.init)
      }
      return statuses
    }
  }
}

/// Pages of the sorted table.
private final class SQLiteStoredRows: StoredRowPages {
  private let database: SQLiteDatabase
  private var place = 0

  init(_ database: SQLiteDatabase) { self.database = database }

  deinit {
    // The connection ends with the process anyway, and the table with it.
    try? database.apart { try $0.execute(sql: "DROP TABLE IF EXISTS temp.stored_rows") }
  }

  func next() throws -> [StoredRow]? {
    let rows = try database.apart { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM temp.stored_rows WHERE place > ? ORDER BY place LIMIT ?",
        arguments: [place, StoredRows.page])
    }
    guard let last = rows.last else { return nil }
    place = last[0]
    return rows.map { row in
      // A column of SQLite may have anything in it: what is of another type counts as missing.
      func value<T: DatabaseValueConvertible>(_ column: Int) -> T? {
        T.fromDatabaseValue(row[column])
      }
      return StoredRow(
        id: row[1], status: DocumentStatus(value(2) ?? ""), url: value(3), bytes: value(4),
        sha256: value(5),
        md5: value(6), completedAt: value(7), isSelected: value(8) ?? false)
    }
  }
}
