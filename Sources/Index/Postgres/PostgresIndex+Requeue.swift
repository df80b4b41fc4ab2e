import Common
import Postgres

// Back to pending: what failed, and what the store turned out not to have; and what is not wanted.
extension PostgresIndex {
  /// See ``DocumentIndex/requeueFailed(_:limit:)``.
  package func requeueFailed(_ selection: Selection, limit: Int?) throws -> Int {
    guard selection.retriesFailed else { return 0 }
    let failed = selection.failed(first: limit)
    return try pool.query(
      """
      UPDATE index_documents
      SET download_status = 'pending', download_attempts = 0, retrying = TRUE,
        next_attempt_at = NULL, lease_owner = NULL, lost_leases = 0,
        download_error = CASE download_status WHEN 'skipped' THEN NULL ELSE download_error END
      WHERE \(failed.sql)
      """, failed.values
    ).affected
  }

  /// See ``DocumentIndex/requeueCompleted(_:)``. Asked again after a lost answer, what was set back already is
  /// not counted.
  package func requeueCompleted(_ rows: [(row: StoredRow, why: String)]) throws -> [Bool] {
    guard !rows.isEmpty else { return [] }
    let columns: [[String?]] = [
      rows.map { String($0.row.id) }, rows.map(\.row.url), rows.map(\.row.sha256),
      rows.map { $0.row.bytes.map { String($0) } }, rows.map(\.why),
    ]
    let changed = try pool.query(
      """
      UPDATE index_documents AS d
      SET \(StoredRows.requeueCompleted.replacing("?", with: "w.why"))
      FROM unnest(?::bigint[], ?::text[], ?::text[], ?::bigint[], ?::text[])
        AS w (id, url, sha256, bytes, why)
      WHERE d.id = w.id AND (d.download_status = 'completed') IS TRUE
        AND d.gcs_path IS NOT DISTINCT FROM w.url
        AND d.content_sha256 IS NOT DISTINCT FROM w.sha256
        AND d.content_bytes IS NOT DISTINCT FROM w.bytes
      RETURNING d.id
      """, columns.map { .text(arrayLiteral($0)) })
    let ids = Set(changed.values.compactMap { $0[0].flatMap { Int($0) } })
    return rows.map { ids.contains($0.row.id) }
  }

  /// See ``DocumentIndex/skip(_:why:)``.
  package func skip(_ ids: [Int], why: String) throws -> Int {
    var selection = Selection()
    selection.ids = ids
    let these = selection.documents
    return try pool.query(
      "UPDATE index_documents SET \(StoredRows.skip) AND \(these.sql)",
      [.text(why)] + these.values
    ).affected
  }
}

// Orders to stop.
extension PostgresIndex {
  private static let hasStops = "SELECT to_regclass('\(StopOrders.table)')"

  /// See ``DocumentIndex/stopOrders()``.
  package func stopOrders() throws -> [StopOrder] {
    try pool.use { connection, _ in
      guard try connection.query(Self.hasStops).values.first?[0] != nil else { return [] }
      return StopOrders.read(try connection.query(StopOrders.all).values)
    }
  }

  /// See ``DocumentIndex/order(stop:by:why:)``. Every role may read the orders: workers have roles of their own.
  package func order(stop stage: String, by author: String, why: String) throws {
    let now = "to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI \"UTC\"')"
    try pool.use { connection, _ in
      try connection.transaction {
        if try connection.query(Self.hasStops).values.first?[0] == nil {
          try connection.query(StopOrders.create(now: now))
          try connection.query("GRANT SELECT ON \(StopOrders.table) TO PUBLIC")
        }
        _ = try connection.query(StopOrders.give, [.text(stage), .text(author), .text(why)])
      }
    }
  }

  /// See ``DocumentIndex/lift(stop:)``.
  package func lift(stop stage: String) throws -> Bool {
    try pool.use { connection, _ in
      guard try connection.query(Self.hasStops).values.first?[0] != nil else { return false }
      return try connection.query(StopOrders.lift, [.text(stage)]).affected > 0
    }
  }
}
