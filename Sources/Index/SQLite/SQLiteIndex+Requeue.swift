import Common
import GRDB

// Back to pending: what failed, and what the store turned out not to have; and what is not wanted.
extension SQLiteIndex {
  /// See ``DocumentIndex/requeueFailed(_:)``.
  package func requeueFailed(_ selection: Selection) throws -> Int {
    guard selection.retriesFailed else { return 0 }
    let failed = selection.failed
    return try database.write { db in
      try db.execute(
        sql: """
          UPDATE index_documents
          SET download_status = 'pending', download_attempts = 0, retrying = TRUE,
            next_attempt_at = NULL, lease_owner = NULL, lost_leases = 0
          WHERE \(failed.sql)
          """, arguments: bound(failed.arguments))
      return db.changesCount
    }
  }

  /// See ``DocumentIndex/requeueCompleted(_:)``.
  package func requeueCompleted(_ rows: [(row: StoredRow, why: String)]) throws -> [Bool] {
    try database.write { db in
      let statement = try db.cachedStatement(
        sql: """
          UPDATE index_documents SET \(StoredRows.requeueCompleted)
          WHERE id = ? AND download_status = 'completed' AND gcs_path IS ?
            AND content_sha256 IS ? AND content_bytes IS ?
          """)
      return try rows.map { row, why in
        try statement.execute(arguments: [why, row.id, row.url, row.sha256, row.bytes])
        return db.changesCount == 1
      }
    }
  }

  /// See ``DocumentIndex/skip(_:why:)``.
  package func skip(_ ids: [Int], why: String) throws -> Int {
    var selection = Selection()
    selection.ids = ids
    let these = selection.documents
    return try database.write { db in
      try db.execute(
        sql: "UPDATE index_documents SET \(StoredRows.skip) AND \(these.sql)",
        arguments: bound([why], these.arguments))
      return db.changesCount
    }
  }
}
