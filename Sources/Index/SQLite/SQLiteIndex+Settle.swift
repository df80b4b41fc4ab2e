import Common
import GRDB

// Settling: from in progress to what became of it, only where the lease still holds (promise P4).
extension SQLiteIndex {
  /// See ``DocumentIndex/settle(_:)``.
  package func settle(_ outcomes: [Settlement]) throws -> [SettlementResult] {
    guard !outcomes.isEmpty else { return [] }
    do {
      let results = try database.writeOrRefuse { db in
        try outcomes.map { try Self.settle($0, db) }
      }
      if results.contains(.written) { streak.end() }
      return results
    } catch is RowRefusal {
      return try outcomes.map { try settleAlone($0) }
    }
  }

  private static func settle(_ settlement: Settlement, _ db: Database) throws -> SettlementResult {
    guard let id = Int64(settlement.lease.id) else { return .leaseLost }
    let change = settlement.outcome.change
    let held = "id = ? AND lease_token = ? AND download_status = 'in_progress'"
    let lease: [(any DatabaseValueConvertible)?] = [id, settlement.lease.token]
    try db.cachedStatement(sql: "UPDATE index_documents SET \(change.sql) WHERE \(held)")
      .execute(arguments: StatementArguments(change.values + lease))
    if db.changesCount == 1 { return .written }
    // Rarely: the lease is gone, or the table silently discarded the change.
    let isHeld = try Int.fetchOne(
      db, sql: "SELECT 1 FROM index_documents WHERE \(held)", arguments: StatementArguments(lease))
    return isHeld == nil ? .leaseLost : .refused("a trigger discards the change")
  }

  /// In a transaction of its own. Where the table does not take the outcome, the document is failed with
  /// the table's reason, if it takes that.
  private func settleAlone(_ settlement: Settlement) throws -> SettlementResult {
    do {
      let result = try database.writeOrRefuse { try Self.settle(settlement, $0) }
      if result == .written { streak.end() }
      return result
    } catch let refusal as RowRefusal {
      if streak.isTable(settlement.lease.id, refusal.reason) {
        throw RefusalStreak.fatal(refusal.reason, database.path)
      }
      let failure = Settlement(settlement.lease, .failed(.refused(byIndex: refusal.reason)))
      do {
        return try database.writeOrRefuse { try Self.settle(failure, $0) } == .written
          ? .refused(refusal.reason) : .leaseLost
      } catch let second as RowRefusal {
        return .refused("\(refusal.reason); and it cannot be marked as failed: \(second.reason)")
      }
    }
  }
}

extension Settlement.Outcome {
  /// Longest error text that is kept, in characters.
  private static let longestMessage = 1000

  fileprivate var change: (sql: String, values: [(any DatabaseValueConvertible)?]) {
    switch self {
    case .completed(let done):
      (
        """
        download_status = 'completed', gcs_path = ?, content_sha256 = ?, content_md5 = ?,
        content_bytes = ?, original_bytes = ?, actual_book = ?, actual_page = ?,
        book_page_mismatch = ?, optimize_outcome = ?, optimize_reason = ?,
        optimize_rejected_bytes = ?,
        downloaded_at = \(SQLiteSchema.now), download_error = NULL, error_class = NULL,
        \(Lease.cleared), next_attempt_at = NULL,
        retrying = FALSE, lost_leases = 0
        """,
        [
          done.url, done.sha256, done.md5, done.bytes, done.originalBytes, done.actualBook,
          done.actualPage, done.isMismatch, done.optimization?.outcome.rawValue,
          done.optimization?.reason, done.optimization?.rejectedBytes,
        ]
      )
    case .again(let error, let after, let countsAttempt):
      // The owner stays: a run whose limit is reached still knows its own documents.
      (
        """
        download_status = 'pending', next_attempt_at = \(SQLiteSchema.later),
        download_attempts = MAX(download_attempts - ?, 0), error_class = ?, download_error = ?,
        lease_token = NULL, lease_expires_at = NULL, lost_leases = 0
        """,
        [
          SQLiteSchema.seconds(max(0, after)), countsAttempt ? 0 : 1, error.kind.rawValue,
          String(error.message.prefix(Self.longestMessage)),
        ]
      )
    case .givenBack(let after):
      (
        """
        download_status = 'pending', next_attempt_at = \(SQLiteSchema.later),
        download_attempts = MAX(download_attempts - 1, 0), lease_token = NULL,
        lease_expires_at = NULL
        """, [SQLiteSchema.seconds(max(0, after))]
      )
    case .failed(let error):
      (
        """
        download_status = 'failed', error_class = ?, download_error = ?, lease_token = NULL,
        lease_owner = NULL, lease_expires_at = NULL, next_attempt_at = NULL, retrying = FALSE,
        lost_leases = 0
        """,
        [error.kind.rawValue, String(error.message.prefix(Self.longestMessage))]
      )
    }
  }
}
