import Common
import GRDB

// Claiming: from pending to in progress, and back.
extension SQLiteIndex {
  /// See ``DocumentIndex/claim(_:_:for:count:)``.
  package func claim(
    _ kind: ClaimKind, _ selection: Selection, for run: Run, count: Int
  ) throws -> [DocumentRecord] {
    guard count > 0 else { return [] }
    let rows: [Row]
    do {
      rows = try database.writeOrRefuse { db in
        try claim(kind, selection, run, count, .isNone(of: refusals.ids), db)
      }
    } catch is RowRefusal {
      rows = try claimEach(kind, selection, run, count)
    }
    // RETURNING promises no order.
    return rows.compactMap { Claimed($0, run: run) }.sorted { $0.order < $1.order }.map(\.record)
  }

  /// See ``DocumentIndex/claimOneByOne(_:for:count:)``.
  package func claimOneByOne(
    _ selection: Selection, for run: Run, count: Int
  ) throws -> [DocumentRecord] {
    try claimEach(.trusted, selection, run, count).compactMap { Claimed($0, run: run)?.record }
  }

  /// One by one, where a row among them refuses to be claimed.
  private func claimEach(
    _ kind: ClaimKind, _ selection: Selection, _ run: Run, _ count: Int
  ) throws -> [Row] {
    let ids = try database.read { db in try candidates(kind, selection, run, count, db) }
    return try refusals.claimEach(ids, in: database.path) { id in
      try database.writeOrRefuse { db in
        try claim(kind, selection, run, 1, Condition(sql: "id = ?", values: [.int(id)]), db)
      }
    }
  }

  private func candidates(
    _ kind: ClaimKind, _ selection: Selection, _ run: Run, _ count: Int, _ db: Database
  ) throws -> [Int] {
    let pending = Condition.all([
      selection.pending, run.mayClaim, kind == .trusted ? .trusted : .quarantined,
      .isNone(of: refusals.ids),
    ])
    return try Int.fetchAll(
      db,
      sql: """
        SELECT id FROM index_documents
        WHERE \(pending.sql) AND (next_attempt_at IS NULL OR next_attempt_at <= \(SQLiteSchema.now))
        ORDER BY download_priority, book, page LIMIT ?
        """, arguments: bound(pending.arguments, [count]))
  }

  private func claim(
    _ kind: ClaimKind, _ selection: Selection, _ run: Run, _ count: Int, _ extra: Condition,
    _ db: Database
  ) throws -> [Row] {
    let (here, quarantined) = try Self.inProgress(with: run, db)
    switch kind {
    case .trusted:
      guard quarantined == 0 else { return [] }
      let trusted = Condition.all([.trusted, extra])
      return try Self.claim(selection, run, trusted, "download_priority, book, page", count, db)
    case .quarantined:
      guard here == 0 else { return [] }
      let quarantined = Condition.all([.quarantined, extra])
      return try Self.claim(selection, run, quarantined, "lost_leases, random()", count, db)
    }
  }

  /// How many documents are in progress with a run, and how many of them are quarantined.
  static func inProgress(with run: Run, _ db: Database) throws -> (all: Int, quarantined: Int) {
    let row = try Row.fetchOne(
      db,
      sql: """
        SELECT COUNT(*), COUNT(*) FILTER (WHERE \(Condition.quarantined.sql))
        FROM index_documents INDEXED BY index_documents_in_progress
        WHERE download_status = 'in_progress' AND lease_owner = ?
        """, arguments: bound(Condition.quarantined.arguments, [run.owner]))
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
        lease_token = ? || printf('%016x', id), lease_owner = ?,
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
        [Lease.newMark(), run.owner, SQLiteSchema.seconds(run.leaseSeconds)], pending.arguments,
        [count]))
  }

  /// See ``DocumentIndex/preview(_:count:after:)``.
  package func preview(
    _ selection: Selection, count: Int, after position: PreviewPosition?
  ) throws -> [DocumentRecord] {
    try PreviewPage.records(count: count, after: position) { page, count in
      let upcoming = Condition.all([selection.upcoming, page.condition])
      let sql = """
        SELECT \(RecordFields.selected), NULL AS lease_token FROM index_documents
        WHERE \(upcoming.sql) ORDER BY \(page.order) LIMIT ?
        """
      let arguments = bound(upcoming.arguments, [count])
      return try database.read { try Row.fetchAll($0, sql: sql, arguments: arguments) }
        .compactMap { Claimed($0, run: nil)?.record }
    }
  }
}

/// A row of ``RecordFields/selected`` and `lease_token`. SQLite keeps in a column what was put there,
/// whatever its type, so values are read as what they are.
private struct Claimed {
  let record: DocumentRecord
  let order: (Int, Int, Int)

  init?(_ row: Row, run: Run?) {
    guard let id = Int64.fromDatabaseValue(row[0]) else { return nil }
    let columns = RecordFields.columns.count
    let values = (1...columns).map { JSON(row[$0] as DatabaseValue) }
    let token = String.fromDatabaseValue(row[columns + 2])
    let lease = run.flatMap { run in
      token.map { Lease(id: String(id), token: $0).member(run: run.id) }
    }
    record = RecordFields.record(
      id: String(id), values: values,
      attempt: run == nil ? nil : Int.fromDatabaseValue(row[columns + 1]) ?? 1, lease: lease)
    order = (record.priority ?? .min, record.book ?? 0, record.page ?? 0)
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
