import Common
import GRDB
import Stages

// Claiming: from pending to in progress, and back.
extension SQLiteIndex {
  /// See ``DocumentIndex/claim(_:for:count:)``.
  public func claim(_ selection: Selection, for run: Run, count: Int) throws -> [Common.Record] {
    guard count > 0 else { return [] }
    let rows = try database.write { db in
      let (here, suspects) = try Self.inProgress(with: run, db)
      guard suspects == 0 else { return [] as [Row] }
      let trusted = try Self.claim(
        selection, run, .trusted, "download_priority, book, page", count, db)
      guard trusted.isEmpty, here == 0 else { return trusted }
      return try Self.claim(selection, run, .suspect, "random()", 1, db)
    }
    // RETURNING promises no order.
    return rows.map { Claimed($0, run: run) }.sorted { $0.order < $1.order }.map(\.record)
  }

  /// How many documents are in progress with a run, and how many of them are suspects.
  static func inProgress(with run: Run, _ db: Database) throws -> (all: Int, suspects: Int) {
    let row = try Row.fetchOne(
      db,
      sql: """
        SELECT COUNT(*), COUNT(*) FILTER (WHERE \(Condition.suspect.sql))
        FROM index_documents INDEXED BY index_documents_in_progress
        WHERE download_status = 'in_progress' AND lease_owner = ?
        """, arguments: bound(Condition.suspect.arguments, [run.owner]))
    return (row?[0] ?? 0, row?[1] ?? 0)
  }

  private static func claim(
    _ selection: Selection, _ run: Run, _ standing: Condition, _ order: StaticString, _ count: Int,
    _ db: Database
  ) throws -> [Row] {
    let pending = Condition.all([selection.pending, run.mayClaim, standing])
    // INDEXED BY: with a range of books the planner would rather sort what the unique index has
    // than walk the pending ones in order and stop. Ids are found by the key.
    let walk = selection.ids == nil ? "INDEXED BY index_documents_pending" : ""
    let sql = """
      UPDATE index_documents
      SET download_status = 'in_progress', download_attempts = COALESCE(download_attempts, 0) + 1,
        lease_token = lower(hex(randomblob(16))), lease_owner = ?,
        lease_expires_at = \(SQLiteSchema.later), next_attempt_at = NULL
      WHERE id IN (
        SELECT id FROM index_documents \(walk)
        WHERE \(pending.sql)
          AND (next_attempt_at IS NULL OR next_attempt_at <= \(SQLiteSchema.now))
        ORDER BY \(order) LIMIT ?)
      RETURNING \(RecordFields.selected), lease_token
      """
    return try Row.fetchAll(
      db, sql: sql,
      arguments: bound(
        [run.owner, SQLiteSchema.seconds(run.leaseSeconds)], pending.arguments, [count]))
  }

  /// See ``DocumentIndex/preview(_:count:after:)``.
  public func preview(
    _ selection: Selection, count: Int, after position: PreviewPosition?
  ) throws -> [Common.Record] {
    let upcoming = selection.upcoming
    let sql = """
      SELECT \(RecordFields.selected), NULL AS lease_token FROM index_documents
      WHERE \(upcoming.sql)
        \(position == nil ? "" : "AND (download_priority, book, page, id) > (?, ?, ?, ?)")
      ORDER BY download_priority, book, page, id LIMIT ?
      """
    let after = position.map { [$0.priority, $0.book, $0.page, $0.id] } ?? []
    let arguments = bound(upcoming.arguments, after, [count])
    return try database.read { try Row.fetchAll($0, sql: sql, arguments: arguments) }
      .map { Claimed($0, run: nil).record }
  }

  /// See ``DocumentIndex/renewLeases(of:)``.
  public func renewLeases(of run: Run) throws -> Int {
    try database.write { db in
      try db.execute(
        sql: """
          UPDATE index_documents SET lease_expires_at = \(SQLiteSchema.later)
          WHERE download_status = 'in_progress' AND lease_owner = ?
          """, arguments: [SQLiteSchema.seconds(run.leaseSeconds), run.owner])
      return db.changesCount
    }
  }

  /// See ``DocumentIndex/release(_:)``.
  public func release(_ leases: [Lease]) throws {
    guard !leases.isEmpty else { return }
    try database.write { db in
      let statement = try db.cachedStatement(
        sql: """
          UPDATE index_documents
          SET download_status = 'pending', download_attempts = MAX(download_attempts - 1, 0),
            lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL
          WHERE id = ? AND lease_token = ? AND download_status = 'in_progress'
          """)
      for lease in leases {
        guard let id = Int64(lease.id) else { continue }
        try statement.execute(arguments: [id, lease.token])
      }
    }
  }

  /// See ``DocumentIndex/releaseAll(of:)``.
  public func releaseAll(of run: Run) throws -> Int {
    try database.write { db in
      try db.execute(
        sql: """
          UPDATE index_documents
          SET download_status = 'pending', download_attempts = MAX(download_attempts - 1, 0),
            lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL
          WHERE lease_owner = ? AND download_status = 'in_progress'
          """, arguments: [run.owner])
      return db.changesCount
    }
  }

  /// See ``DocumentIndex/takeBackStale()``.
  public func takeBackStale() throws -> Int {
    try database.write { db in
      let owners = try String.fetchAll(
        db,
        sql: """
          SELECT DISTINCT lease_owner FROM index_documents
          WHERE download_status = 'in_progress' AND lease_owner IS NOT NULL
          """)
      let dead = owners.filter { LeaseOwner($0)?.isDead ?? false }
      let deadOwner = Condition.isOne("lease_owner", of: dead.map { .text($0) })
      // Older software set no lease and counted as it liked: its rows only go back.
      let isLost = "lease_token IS NOT NULL"
      let isLast = "(\(isLost) AND lost_leases + 1 >= \(AttemptPolicy.maximumLosses))"
      let sql = """
        UPDATE index_documents
        SET download_status = CASE WHEN \(isLast) THEN 'failed' ELSE 'pending' END,
          error_class = CASE WHEN \(isLast) THEN ? ELSE error_class END,
          download_error = CASE WHEN \(isLast) THEN ? ELSE download_error END,
          retrying = retrying AND NOT \(isLast),
          download_attempts = MAX(download_attempts - (\(isLost)), 0),
          lost_leases = lost_leases + (\(isLost)),
          lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL, next_attempt_at = NULL
        WHERE download_status = 'in_progress'
          AND (\(SQLiteSchema.stale) OR \(deadOwner?.sql ?? "FALSE"))
        """
      try db.execute(
        sql: sql,
        arguments: bound(
          [ErrorClass.internal.rawValue, AttemptPolicy.diedMessage], deadOwner?.arguments ?? []))
      return db.changesCount
    }
  }

  /// See ``DocumentIndex/reviveFailed(_:)``.
  public func reviveFailed(_ selection: Selection) throws -> Int {
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
}

/// A row of ``RecordFields/selected`` and `lease_token`.
private struct Claimed {
  let record: Common.Record
  let order: (Int, Int, Int)

  init(_ row: Row, run: Run?) {
    let columns = RecordFields.columns.count
    let values = (1...columns).map { JSON(row[$0] as DatabaseValue) }
    let token: String? = row[columns + 2]
    let lease = run.flatMap { run in token.map { (token: $0, run: run.id) } }
    record = RecordFields.record(
      id: String(row[0] as Int64), values: values,
      attempt: run == nil ? nil : row[columns + 1] as Int?, lease: lease)
    order = (
      record["download_priority"]?.int ?? .min, record["book"]?.int ?? 0,
      record["page"]?.int ?? 0
    )
  }
}

extension JSON {
  fileprivate init(_ value: DatabaseValue) {
    switch value.storage {
    case .int64(let number): self = .int(Int(number))
    case .double(let number): self = .decimal(number, 6)
    case .string(let text): self = .string(text)
    case .null, .blob: self = .null
    }
  }
}
