import Common
import Stages

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
    let isTurn = kind == .trusted ? "suspects = 0" : "documents = 0"
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
          COUNT(*) FILTER (WHERE \(Condition.quarantined.sql)) AS suspects
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
  private static let numbers: Set<String> = [
    "gin", "instrument_number", "book", "page", "num_pages", "download_priority",
  ]

  let record: Record
  let order: (Int, Int, Int)

  init?(_ row: [String?], run: Run?) {
    guard let id = row[0] else { return nil }
    let columns = RecordFields.columns
    let values = zip(columns, row.dropFirst()).map { name, text -> JSON in
      guard let text else { return .null }
      guard Self.numbers.contains(name), let number = Int(text) else { return .string(text) }
      return .int(number)
    }
    let lease = run.flatMap { run in row[columns.count + 2].map { (token: $0, run: run.id) } }
    record = RecordFields.record(
      id: id, values: values,
      attempt: run == nil ? nil : row[columns.count + 1].flatMap { Int($0) }, lease: lease)
    order = (
      record["download_priority"]?.int ?? .max, record["book"]?.int ?? 0,
      record["page"]?.int ?? 0
    )
  }
}
