import Common
import Postgres

// Settling: from in progress to what became of it, only where the lease still holds (promise P4).
extension PostgresIndex {
  /// See ``DocumentIndex/settle(_:)``. One statement for all of them; one for each where the table
  /// refuses one.
  ///
  /// Each row keeps the token that settled it last: asked again after a lost answer, it recognises
  /// what it had settled already, whatever happened to the document since.
  package func settle(_ outcomes: [Settlement]) throws -> [SettlementResult] {
    let batch = SettlementBatch(outcomes, longestMessage: table.longestMessage)
    guard !batch.isEmpty else { return outcomes.map { _ in .leaseLost } }
    return try pool.use(waitingForLocks: true) { connection, isRepeat in
      do {
        let held = try held(batch, connection, isRepeat)
        if !held.isEmpty { streak.end() }
        return try outcomes.indices.map { number in
          guard let place = batch.places[number] else { return .leaseLost }
          if held.contains(place) { return .written }
          // Rarely: the lease is gone, or the table silently discarded the change.
          return try isStillHeld(outcomes[number].lease, connection)
            ? .refused("a trigger or a rule discards the change") : .leaseLost
        }
      } catch let error as PostgresError where error.isAboutData {
        guard outcomes.count > 1 else {
          return [try refuse(outcomes[0], error.description, connection)]
        }
        return try outcomes.enumerated().map { number, settlement in
          guard batch.places[number] != nil else { return .leaseLost }
          return try settleAlone(settlement, connection, isRepeat)
        }
      }
    }
  }

  /// The places of those that were written.
  private func held(
    _ batch: SettlementBatch, _ connection: Connection, _ isRepeat: Bool
  ) throws(PostgresError) -> Set<Int> {
    var rows = try connection.query(Self.settleSQL, batch.values).values
    if isRepeat {
      rows += try connection.query(Self.settledSQL, Array(batch.values.prefix(2))).values
    }
    return Set(rows.compactMap { $0[0].flatMap { Int($0) } })
  }

  private func settleAlone(
    _ settlement: Settlement, _ connection: Connection, _ isRepeat: Bool
  ) throws -> SettlementResult {
    do throws(PostgresError) {
      let batch = SettlementBatch([settlement], longestMessage: table.longestMessage)
      guard try !held(batch, connection, isRepeat).isEmpty else { return .leaseLost }
      streak.end()
      return .written
    } catch {
      guard error.isAboutData else { throw error }
      return try refuse(settlement, error.description, connection)
    }
  }

  /// Fails a document whose outcome the table does not take, with the table's reason, where it takes that.
  private func refuse(
    _ settlement: Settlement, _ reason: String, _ connection: Connection
  ) throws -> SettlementResult {
    if streak.isTable(settlement.lease.id, reason) { throw RefusalStreak.fatal(reason, pool.name) }
    let failure = Settlement(settlement.lease, .failed(.refused(byIndex: reason)))
    do throws(PostgresError) {
      let batch = SettlementBatch([failure], longestMessage: table.longestMessage)
      return try held(batch, connection, true).isEmpty ? .leaseLost : .refused(reason)
    } catch {
      guard error.isAboutData else { throw error }
      return .refused("\(reason); and it cannot be marked as failed: \(error.description)")
    }
  }

  private func isStillHeld(_ lease: Lease, _ connection: Connection) throws(PostgresError) -> Bool {
    try !connection.query(
      """
      SELECT 1 FROM index_documents
      WHERE id = ? AND lease_token = ? AND (download_status = 'in_progress') IS TRUE
      """, [.text(lease.id), .text(lease.token)]
    ).values.isEmpty
  }

  // IS TRUE: the key finds each row. A planner that believes that nothing is in progress, as its
  // statistics often say, would rather read all that is, with the users' index on the status.
  private static let settleSQL = """
    UPDATE index_documents AS d
    SET download_status = w.status,
      download_attempts = GREATEST(d.download_attempts - w.uncounted, 0),
      next_attempt_at = now() + make_interval(secs => w.wait),
      error_class = CASE WHEN w.is_given_back THEN d.error_class ELSE w.class END,
      download_error = CASE WHEN w.is_given_back THEN d.download_error ELSE w.message END,
      downloaded_at = CASE WHEN w.is_done THEN LOCALTIMESTAMP ELSE d.downloaded_at END,
      gcs_path = CASE WHEN w.is_done THEN w.url ELSE d.gcs_path END,
      content_sha256 = CASE WHEN w.is_done THEN w.sha256 ELSE d.content_sha256 END,
      content_md5 = CASE WHEN w.is_done THEN w.md5 ELSE d.content_md5 END,
      content_bytes = CASE WHEN w.is_done THEN w.bytes ELSE d.content_bytes END,
      original_bytes = CASE WHEN w.is_done THEN w.original ELSE d.original_bytes END,
      actual_book = CASE WHEN w.is_done THEN w.book ELSE d.actual_book END,
      actual_page = CASE WHEN w.is_done THEN w.page ELSE d.actual_page END,
      book_page_mismatch = CASE WHEN w.is_done THEN w.mismatch ELSE d.book_page_mismatch END,
      optimize_outcome = CASE WHEN w.is_done THEN w.optimized ELSE d.optimize_outcome END,
      optimize_reason = CASE WHEN w.is_done THEN w.reason ELSE d.optimize_reason END,
      optimize_rejected_bytes =
        CASE WHEN w.is_done THEN w.rejected ELSE d.optimize_rejected_bytes END,
      lease_owner = CASE WHEN w.status = 'pending' THEN d.lease_owner END,
      retrying = d.retrying AND w.status = 'pending',
      lease_token = NULL, last_lease_token = w.token, lease_expires_at = NULL,
      lost_leases = CASE WHEN w.is_given_back THEN d.lost_leases ELSE 0 END
    FROM (
      SELECT *, status = 'completed' AS is_done, class = '' AS is_given_back
      FROM unnest(
        ?::bigint[], ?::text[], ?::text[], ?::integer[], ?::float8[], ?::text[], ?::text[],
        ?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[], ?::integer[], ?::integer[],
        ?::boolean[], ?::text[], ?::text[], ?::bigint[])
      WITH ORDINALITY AS u (
        id, token, status, uncounted, wait, class, message, url, sha256, md5, bytes, original, book,
        page, mismatch, optimized, reason, rejected, place)) AS w
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
  /// Where each settlement is in the arrays, from 1. What cannot hold is not there: an id that is no
  /// number, or the same lease for the second time.
  private(set) var places: [Int?] = []
  private var columns = [[String?]](repeating: [], count: 18)

  var isEmpty: Bool { columns[0].isEmpty }
  var values: [Condition.Value] { columns.map { .text(arrayLiteral($0)) } }

  /// `longestMessage`: so many characters of an error's text are kept.
  init(_ outcomes: [Settlement], longestMessage: Int) {
    var seen: Set<[String]> = []
    for settlement in outcomes {
      let lease = settlement.lease
      guard let id = Int64(lease.id), !lease.token.isEmpty,
        seen.insert([String(id), lease.token]).inserted
      else {
        places.append(nil)
        continue
      }
      let row = [String(id), lease.token] + Self.row(settlement.outcome, longestMessage)
      for (number, value) in row.enumerated() {
        // PostgreSQL stores no NUL, and a batch must not fail for one text of a plugin.
        columns[number].append(value.map { $0.filter { $0 != "\0" } })
      }
      places.append(columns[0].count)
    }
  }

  /// From status to the bytes of a rejected result, in the order of the statement.
  private static func row(_ outcome: Settlement.Outcome, _ longest: Int) -> [String?] {
    let nothing = [String?](repeating: nil, count: 11)
    switch outcome {
    case .completed(let done):
      return [DocumentStatus.completed.word, "0", nil, nil, nil, done.url, done.sha256, done.md5]
        + [
          String(done.bytes), done.originalBytes.map { String($0) }, small(done.actualBook),
          small(done.actualPage), String(done.isMismatch), done.optimization?.outcome.rawValue,
          done.optimization?.reason, done.optimization?.rejectedBytes.map { String($0) },
        ]
    case .again(let error, let after, let countsAttempt):
      return [DocumentStatus.pending.word, countsAttempt ? "0" : "1", wait(after)]
        + describe(error, longest)
        + nothing
    case .givenBack(let after):
      // No class has an empty name: the row's own error stays.
      return [DocumentStatus.pending.word, "1", wait(after), "", nil] + nothing
    case .failed(let error):
      return [DocumentStatus.failed.word, "0", nil] + describe(error, longest) + nothing
    }
  }

  private static func wait(_ seconds: Double) -> String {
    Format.fixed(seconds.isFinite ? max(0, seconds) : 0, 3)
  }

  private static func describe(_ error: RecordError, _ longest: Int) -> [String?] {
    [error.kind.rawValue, String(error.message.unicodeScalars.prefix(longest))]
  }

  /// What the users' `integer` column can hold; a portal may say anything.
  private static func small(_ number: Int?) -> String? {
    number.flatMap { Int32(exactly: $0) }.map { String($0) }
  }
}

extension RecordError {
  /// What a document's error says whose outcome the index does not take.
  static func refused(byIndex reason: String) -> RecordError {
    RecordError(
      tool: "validate", .internal, "the index rejects the outcome of the document: \(reason)",
      isRetryable: false)
  }
}
