import Common

/// What both databases write where leases were lost.
struct LostLeases {
  /// A row whose owner is known to be dead.
  let isDead: Condition
  /// A row beside which its owner had nothing else in progress.
  let isAlone: Condition

  /// From the owners of all leases, and how many each has.
  init(_ owners: [(owner: String, leases: Int)]) {
    isDead =
      .isOne(
        "lease_owner",
        of: owners.filter { LeaseOwner($0.owner)?.isDead ?? false }.map { .text($0.owner) })
      ?? Condition(sql: "1 = 0")
    isAlone =
      .isOne("lease_owner", of: owners.filter { $0.leases == 1 }.map { .text($0.owner) })
      ?? Condition(sql: "1 = 0")
  }

  /// Older software set no lease and counted as it liked: its rows only go back. `greatest` is the
  /// database's function for the larger of two numbers.
  static func change(greatest: String, isAlone: Condition) -> String {
    let lost = "(CASE WHEN lease_token IS NULL THEN 0 ELSE 1 END)"
    // As AttemptPolicy.losses(after:isAlone:) has it.
    let losses = """
      (CASE WHEN lease_token IS NULL OR (lost_leases >= \(AttemptPolicy.quarantineLosses)
        AND NOT \(isAlone.sql)) THEN lost_leases ELSE lost_leases + 1 END)
      """
    let isLast = "(lease_token IS NOT NULL AND \(losses) >= \(AttemptPolicy.maximumLosses))"
    return """
      download_status = CASE WHEN \(isLast) THEN 'failed' ELSE 'pending' END,
      error_class = CASE WHEN \(isLast) THEN ? ELSE error_class END,
      download_error = CASE WHEN \(isLast) THEN ? ELSE download_error END,
      retrying = retrying AND NOT \(isLast),
      download_attempts = \(greatest)(download_attempts - \(lost), 0),
      lost_leases = \(losses),
      lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL, next_attempt_at = NULL
      """
  }

  /// The values of ``change(greatest:isAlone:)``, in their order.
  var changeValues: [Condition.Value] {
    let alone = isAlone.values
    return alone + alone + [.text(ErrorClass.internal.rawValue)] + alone
      + [.text(AttemptPolicy.diedMessage)] + alone + alone
  }
}
