import Common
import GRDB

// Settling: from in progress to what became of it, only where the lease still holds (promise P4).
extension SQLiteIndex {
  /// See ``DocumentIndex/settle(_:)``.
  public func settle(_ outcomes: [Settlement]) throws -> [Bool] {
    guard !outcomes.isEmpty else { return [] }
    return try database.write { db in
      try outcomes.map { settlement in
        guard let id = Int64(settlement.lease.id) else { return false }
        let change = settlement.outcome.change
        let statement = try db.cachedStatement(
          sql: """
            UPDATE index_documents SET \(change.sql)
            WHERE id = ? AND lease_token = ? AND download_status = 'in_progress'
            """)
        try statement.execute(
          arguments: StatementArguments(change.values + [id, settlement.lease.token]))
        return db.changesCount == 1
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
        content_bytes = ?,
        original_bytes = ?, actual_book = ?, actual_page = ?, book_page_mismatch = ?,
        downloaded_at = \(SQLiteSchema.now), download_error = NULL, error_class = NULL,
        lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL, next_attempt_at = NULL,
        retrying = FALSE, lost_leases = 0
        """,
        [
          done.url, done.sha256, done.md5, done.bytes, done.originalBytes, done.actualBook,
          done.actualPage, done.isMismatch,
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
