import Common
import GRDB

// Back to pending: what failed, and what the store turned out not to have; and what is not wanted.
extension SQLiteIndex {
  /// See ``DocumentIndex/requeueFailed(_:limit:)``.
  package func requeueFailed(_ selection: Selection, limit: Int?) throws -> Int {
    guard selection.retriesFailed else { return 0 }
    let failed = selection.failed(first: limit)
    return try database.write { db in
      try db.execute(
        sql: """
          UPDATE index_documents
          SET download_status = 'pending', download_attempts = 0, retrying = TRUE,
            next_attempt_at = NULL, lease_owner = NULL, lost_leases = 0,
            download_error = CASE download_status WHEN 'skipped' THEN NULL ELSE download_error END
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

// Orders to stop.
extension SQLiteIndex {
  /// See ``DocumentIndex/stopOrders()``.
  package func stopOrders() throws -> [StopOrder] {
    try database.read { db in
      guard try db.hasStopOrders() else { return [] }
      return StopOrders.read(
        try Row.fetchAll(db, sql: StopOrders.all).map { $0.databaseValues.map(\.text) })
    }
  }

  /// See ``DocumentIndex/order(stop:by:why:)``.
  package func order(stop stage: String, by author: String, why: String) throws {
    try database.write { db in
      if try !db.hasStopOrders() {
        try db.execute(sql: StopOrders.create(now: "strftime('%Y-%m-%d %H:%M UTC', 'now')"))
      }
      try db.execute(sql: StopOrders.give, arguments: [stage, author, why])
    }
  }

  /// See ``DocumentIndex/lift(stop:)``.
  package func lift(stop stage: String) throws -> Bool {
    try database.write { db in
      guard try db.hasStopOrders() else { return false }
      try db.execute(sql: StopOrders.lift, arguments: [stage])
      return db.changesCount > 0
    }
  }
}

extension Database {
  /// Asked anew each time: GRDB remembers a table that was not there, and another process may have made it.
  fileprivate func hasStopOrders() throws -> Bool {
    try Int.fetchOne(
      self, sql: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
      arguments: [StopOrders.table]) != nil
  }
}
