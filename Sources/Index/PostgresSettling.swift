import Common
import Postgres

// Settling: from in progress to what became of it, only where the lease still holds (promise P4).
extension PostgresIndex {
  /// See ``DocumentIndex/settle(_:)``. One statement for all of them.
  ///
  /// Each row keeps the token that settled it last: asked again after a lost answer, it recognises
  /// what it had settled already, whatever happened to the document since.
  public func settle(_ outcomes: [Settlement]) throws -> [Bool] {
    let batch = SettlementBatch(outcomes)
    guard !batch.isEmpty else { return outcomes.map { _ in false } }
    let places = try pool.use { connection, isRepeat in
      let settled = try connection.query(Self.settleSQL, batch.values).values
      guard isRepeat else { return settled }
      return try settled + connection.query(Self.settledSQL, Array(batch.values.prefix(2))).values
    }
    let held = Set(places.compactMap { $0[0].flatMap { Int($0) } })
    return outcomes.indices.map { number in
      batch.places[number].map { held.contains($0) } ?? false
    }
  }

  // IS TRUE: the key finds each row. A planner that believes that nothing is in progress, as its
  // statistics often say, would rather read all that is, with the users' index on the status.
  private static let settleSQL = """
    UPDATE index_documents AS d
    SET download_status = w.status,
      download_attempts = GREATEST(d.download_attempts - w.uncounted, 0),
      next_attempt_at = now() + make_interval(secs => w.wait),
      error_class = w.class, download_error = w.message,
      downloaded_at = CASE WHEN w.is_done THEN LOCALTIMESTAMP ELSE d.downloaded_at END,
      gcs_path = CASE WHEN w.is_done THEN w.url ELSE d.gcs_path END,
      content_sha256 = CASE WHEN w.is_done THEN w.sha256 ELSE d.content_sha256 END,
      content_md5 = CASE WHEN w.is_done THEN w.md5 ELSE d.content_md5 END,
      content_bytes = CASE WHEN w.is_done THEN w.bytes ELSE d.content_bytes END,
      original_bytes = CASE WHEN w.is_done THEN w.original ELSE d.original_bytes END,
      actual_book = CASE WHEN w.is_done THEN w.book ELSE d.actual_book END,
      actual_page = CASE WHEN w.is_done THEN w.page ELSE d.actual_page END,
      book_page_mismatch = CASE WHEN w.is_done THEN w.mismatch ELSE d.book_page_mismatch END,
      lease_owner = CASE WHEN w.status = 'pending' THEN d.lease_owner END,
      retrying = d.retrying AND w.status = 'pending',
      lease_token = NULL, last_lease_token = w.token, lease_expires_at = NULL, lost_leases = 0
    FROM (
      SELECT *, status = 'completed' AS is_done
      FROM unnest(
        ?::bigint[], ?::text[], ?::text[], ?::integer[], ?::float8[], ?::text[], ?::text[],
        ?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[], ?::integer[], ?::integer[],
        ?::boolean[])
      WITH ORDINALITY AS u (
        id, token, status, uncounted, wait, class, message, url, sha256, md5, bytes, original, book,
        page, mismatch, place)) AS w
    WHERE d.id = w.id AND d.lease_token = w.token AND (d.download_status = 'in_progress') IS TRUE
    RETURNING w.place
    """

  private static let settledSQL = """
    SELECT w.place FROM unnest(?::bigint[], ?::text[]) WITH ORDINALITY AS w (id, token, place)
    JOIN index_documents AS d ON d.id = w.id AND d.last_lease_token = w.token
    """
}

/// Settlements as columns, one array for each.
private struct SettlementBatch: Sendable {
  /// Longest error text that is kept, in characters.
  private static let longestMessage = 1000

  /// Where each settlement is in the arrays, from 1. What cannot hold is not there: an id that is no
  /// number, or the same lease for the second time.
  private(set) var places: [Int?] = []
  private var columns = [[String?]](repeating: [], count: 15)

  var isEmpty: Bool { columns[0].isEmpty }
  var values: [Condition.Value] { columns.map { .text(arrayLiteral($0)) } }

  init(_ outcomes: [Settlement]) {
    var seen: Set<[String]> = []
    for settlement in outcomes {
      let lease = settlement.lease
      guard let id = Int64(lease.id), !lease.token.isEmpty,
        seen.insert([String(id), lease.token]).inserted
      else {
        places.append(nil)
        continue
      }
      let row = [String(id), lease.token] + Self.row(settlement.outcome)
      for (number, value) in row.enumerated() {
        // PostgreSQL keeps no NUL, and a batch must not fail for one text of somebody's plugin.
        columns[number].append(value.map { $0.filter { $0 != "\0" } })
      }
      places.append(columns[0].count)
    }
  }

  /// From status to mismatch, in the order of the statement.
  private static func row(_ outcome: Settlement.Outcome) -> [String?] {
    let nothing = [String?](repeating: nil, count: 8)
    switch outcome {
    case .completed(let done):
      return ["completed", "0", nil, nil, nil, done.url, done.sha256, done.md5]
        + [
          String(done.bytes), done.originalBytes.map { String($0) }, small(done.actualBook),
          small(done.actualPage),
          String(done.isMismatch),
        ]
    case .again(let error, let after, let countsAttempt):
      let wait = Format.fixed(after.isFinite ? max(0, after) : 0, 3)
      return ["pending", countsAttempt ? "0" : "1", wait] + describe(error) + nothing
    case .failed(let error): return ["failed", "0", nil] + describe(error) + nothing
    }
  }

  private static func describe(_ error: RecordError) -> [String?] {
    [error.kind.rawValue, String(error.message.prefix(longestMessage))]
  }

  /// What the users' `integer` column can hold; a portal may say anything.
  private static func small(_ number: Int?) -> String? {
    number.flatMap { Int32(exactly: $0) }.map { String($0) }
  }
}
