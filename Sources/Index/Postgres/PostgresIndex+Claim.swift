import Common
import Postgres
import Synchronization

/// Picks, locks and leases documents in one statement. Rows that another claim holds are passed over
/// (SKIP LOCKED), not waited for; MATERIALIZED keeps the planner from picking more than once.
///
/// The rows are met again by where they lie (ctid), which a lock keeps. One that was moved before it was
/// locked is not seen there, and left to the next claim.
///
/// A token is the claim's own 64 random bits, `mark`, and the document: no two leases share one, and the
/// server need not draw a random number for each row, which took a quarter of a claim's time.
struct ClaimStatement {
  let sql: String
  let values: [Condition.Value]

  /// - Parameters:
  ///   - isPlain: whether the table is one relation. In one with partitions or heirs, a place (ctid) is
  ///     one only together with the relation (tableoid), and the key finds it.
  ///   - extra: a further condition.
  init(
    _ kind: ClaimKind, _ selection: Selection, _ run: Run, count: Int, mark: String, isPlain: Bool,
    extra: Condition = .always
  ) {
    let standing = kind == .trusted ? Condition.trusted : .quarantined
    let pending = Condition.all([selection.pending, run.mayClaim, standing, extra])
    let isTurn = kind == .trusted ? "quarantined = 0" : "documents = 0"
    let order = kind == .trusted ? "download_priority, book, page" : "lost_leases, random()"
    let isPicked =
      isPlain
      ? "ctid = ANY (ARRAY (SELECT place FROM picked))"
      : """
      id = ANY (ARRAY (SELECT id FROM picked))
        AND (tableoid, ctid) IN (SELECT relation, place FROM picked)
      """
    sql = """
      WITH here AS MATERIALIZED (
        SELECT COUNT(*) AS documents,
          COUNT(*) FILTER (WHERE \(Condition.quarantined.sql)) AS quarantined
        FROM index_documents WHERE download_status = 'in_progress' AND lease_owner = ?),
      picked AS MATERIALIZED (
        SELECT \(isPlain ? "" : "id, tableoid AS relation, ")ctid AS place FROM index_documents
        WHERE \(pending.sql) AND (next_attempt_at IS NULL OR next_attempt_at <= now())
          AND (SELECT \(isTurn) FROM here)
        ORDER BY \(order) LIMIT ? FOR UPDATE SKIP LOCKED)
      UPDATE index_documents
      SET download_status = 'in_progress', download_attempts = COALESCE(download_attempts, 0) + 1,
        lease_token = ? || lpad(to_hex(id), 16, '0'),
        lease_owner = ?, lease_expires_at = now() + make_interval(secs => ?),
        next_attempt_at = NULL
      WHERE \(isPicked)
      RETURNING \(RecordFields.selected), lease_token
      """
    values =
      Condition.quarantined.values + [.text(run.owner)] + pending.values
      + [
        .int(count), .text(mark), .text(run.owner), .text(Format.fixed(run.leaseSeconds, 3)),
      ]
  }
}

/// A row of ``RecordFields/selected`` and `lease_token`.
struct ClaimedRow {
  let record: DocumentRecord
  let order: (Int, Int, Int)

  init?(_ row: [String?], run: Run?) {
    guard let id = row[0] else { return nil }
    let columns = RecordFields.columns
    let values = row[1...columns.count].map { $0.map(JSON.string) ?? .null }
    let lease = run.flatMap { run in
      row[columns.count + 2].map { Lease(id: id, token: $0).member(run: run.id) }
    }
    record = RecordFields.record(
      id: id, values: values,
      attempt: run == nil ? nil : row[columns.count + 1].flatMap { Int($0) }, lease: lease)
    order = (record.priority ?? .max, record.book ?? 0, record.page ?? 0)
  }
}

// Claiming: from pending to in progress, and back.
extension PostgresIndex {
  /// See ``DocumentIndex/claim(_:_:for:count:)``.
  ///
  /// The first half of each token is this try's own: asked again after a lost answer, it finds what it
  /// had already been given. A claim that the server makes only after that is not mixed up with it:
  /// its tokens are unknown, and the run gives the documents back.
  package func claim(
    _ kind: ClaimKind, _ selection: Selection, for run: Run, count: Int
  ) throws -> [DocumentRecord] {
    guard count > 0 else { return [] }
    let marks = Mutex<[String]>([])
    let rows = try pool.use(waitingForLocks: true) { connection, isRepeat in
      if isRepeat {
        let earlier = try connection.query(
          """
          SELECT \(RecordFields.selected), lease_token FROM index_documents
          WHERE download_status = 'in_progress' AND lease_owner = ?
            AND left(lease_token, \(Lease.markLength)) = ANY (?::text[])
          """, [.text(run.owner), .text(arrayLiteral(marks.withLock { $0 }))])
        if !earlier.values.isEmpty { return earlier.values }
      }
      let mark = Lease.newMark()
      marks.withLock { $0.append(mark) }
      do {
        return try claim(
          kind, selection, run, count, mark, .isNone(of: refusals.ids), connection)
      } catch let error as PostgresError where error.isAboutData {
        return try claimEach(kind, selection, run, count, mark, connection)
      }
    }
    // RETURNING promises no order.
    return rows.compactMap { ClaimedRow($0, run: run) }.sorted { $0.order < $1.order }.map(\.record)
  }

  /// See ``DocumentIndex/claimOneByOne(_:for:count:)``.
  package func claimOneByOne(
    _ selection: Selection, for run: Run, count: Int
  ) throws -> [DocumentRecord] {
    // What a lost reply leaves behind has unknown tokens: the run gives it back.
    try pool.use { connection, _ in
      try claimEach(.trusted, selection, run, count, Lease.newMark(), connection)
    }.compactMap { ClaimedRow($0, run: run)?.record }
  }

  private func claim(
    _ kind: ClaimKind, _ selection: Selection, _ run: Run, _ count: Int, _ mark: String,
    _ extra: Condition, _ connection: Connection
  ) throws(PostgresError) -> [[String?]] {
    let statement = ClaimStatement(
      kind, selection, run, count: count, mark: mark, isPlain: table.isPlain, extra: extra)
    return try connection.query(statement.sql, statement.values).values
  }

  /// One by one, where a row among them refuses to be claimed.
  private func claimEach(
    _ kind: ClaimKind, _ selection: Selection, _ run: Run, _ count: Int, _ mark: String,
    _ connection: Connection
  ) throws -> [[String?]] {
    let ids = try candidates(kind, selection, run, count, connection)
    return try refusals.claimEach(ids, in: pool.name) { id in
      do throws(PostgresError) {
        let one = Condition(sql: "id = ?", values: [.int(id)])
        return try claim(kind, selection, run, 1, mark, one, connection)
      } catch {
        guard error.isAboutData else { throw error }
        throw RowRefusal(reason: error.description)
      }
    }
  }

  private func candidates(
    _ kind: ClaimKind, _ selection: Selection, _ run: Run, _ count: Int, _ connection: Connection
  ) throws(PostgresError) -> [Int] {
    let pending = Condition.all([
      selection.pending, run.mayClaim, kind == .trusted ? .trusted : .quarantined,
      .isNone(of: refusals.ids),
    ])
    return try connection.query(
      """
      SELECT id FROM index_documents
      WHERE \(pending.sql) AND (next_attempt_at IS NULL OR next_attempt_at <= now())
      ORDER BY download_priority, book, page LIMIT ?
      """, pending.values + [.int(count)]
    ).values.compactMap { $0[0].flatMap { Int($0) } }
  }

  /// See ``DocumentIndex/preview(_:count:after:)``.
  package func preview(
    _ selection: Selection, count: Int, after position: PreviewPosition?
  ) throws -> [DocumentRecord] {
    try PreviewPage.records(count: count, after: position) { page, count in
      let upcoming = Condition.all([selection.upcoming, page.condition])
      return try pool.query(
        """
        SELECT \(RecordFields.selected), NULL FROM index_documents
        WHERE \(upcoming.sql) ORDER BY \(page.order) LIMIT ?
        """, upcoming.values + [.int(count)]
      ).values.compactMap { ClaimedRow($0, run: nil)?.record }
    }
  }
}
