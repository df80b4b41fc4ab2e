import Common
import Postgres
import Stages

// What nobody works on any more, and what is tried again although it failed.
extension PostgresIndex {
  /// See ``DocumentIndex/takeBackStale()``.
  public func takeBackStale() throws -> Int {
    let owners = try pool.query(
      """
      SELECT DISTINCT lease_owner FROM index_documents
      WHERE download_status = 'in_progress' AND lease_owner IS NOT NULL
      """)
    let dead = owners.values.compactMap { $0[0] }.filter { LeaseOwner($0)?.isDead ?? false }
    let deadOwner = Condition.isOne("lease_owner", of: dead.map { .text($0) })
    // Older software set no lease and counted as it liked: its rows only go back.
    let lost = "(CASE WHEN lease_token IS NULL THEN 0 ELSE 1 END)"
    let isLast =
      "(lease_token IS NOT NULL AND lost_leases + 1 >= \(AttemptPolicy.maximumLosses))"
    return try pool.query(
      """
      UPDATE index_documents
      SET download_status = CASE WHEN \(isLast) THEN 'failed' ELSE 'pending' END,
        error_class = CASE WHEN \(isLast) THEN ? ELSE error_class END,
        download_error = CASE WHEN \(isLast) THEN ? ELSE download_error END,
        retrying = retrying AND NOT \(isLast),
        download_attempts = GREATEST(download_attempts - \(lost), 0),
        lost_leases = lost_leases + \(lost),
        lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL, next_attempt_at = NULL
      WHERE download_status = 'in_progress'
        AND (\(PostgresSchema.stale) OR \(deadOwner?.sql ?? "FALSE"))
      """,
      [.text(ErrorClass.internal.rawValue), .text(AttemptPolicy.diedMessage)]
        + (deadOwner?.values ?? [])
    ).affected
  }

  /// See ``DocumentIndex/reviveFailed(_:)``.
  public func reviveFailed(_ selection: Selection) throws -> Int {
    guard selection.retriesFailed else { return 0 }
    let failed = selection.failed
    return try pool.query(
      """
      UPDATE index_documents
      SET download_status = 'pending', download_attempts = 0, retrying = TRUE,
        next_attempt_at = NULL, lease_owner = NULL, lost_leases = 0
      WHERE \(failed.sql)
      """, failed.values
    ).affected
  }
}
