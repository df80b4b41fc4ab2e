import Common
import Glibc

// A lease's life: a claim writes it (`+Claim`), the record carries it (`Common/Record/Lease.swift`), its
// run renews and releases it (`+Lease`), `validate` settles with it (`+Settle`); where its owner died or
// its time ran out, it is reclaimed (`+Reclaim`). Both databases have these files.

extension Lease {
  /// What a row without a lease has in its columns.
  static let cleared = "lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL"

  /// 64 random bits, as a claim's tokens begin.
  static func newMark() -> String {
    Format.padded(String(UInt64.random(in: 0...UInt64.max), radix: 16), markLength)
  }
}

/// One run of `enqueue`: who holds leases, and for how long.
package struct Run: Sendable, Equatable {
  /// A random name, unique to the run.
  package let id: String
  /// Host, process and run: `host/4711-35213-4026531836-4026531834-7f0c…/id`.
  package let owner: String
  /// How long a lease lasts without renewal, in seconds.
  package let leaseSeconds: Double
  /// How long a lease lasts where the operator says nothing: 10 minutes.
  package static let usualLease = 600.0
  /// Whether it claims only documents that it had before: a run whose limit is reached still sees its
  /// own documents through.
  package var claimsOnlyReturning = false

  /// A run of a process on `host`, named as ``LeaseOwner`` reads it.
  init(id: String, host: String, process: String, leaseSeconds: Double = Run.usualLease) {
    self.id = id
    owner = "\(host)/\(process)/\(id)"
    self.leaseSeconds = leaseSeconds
  }
}

/// Who holds a lease: the reading of ``Run/owner``.
struct LeaseOwner: Sendable, Equatable {
  let host: String
  /// `nil` where older software wrote `host/4711/run`, which does not say which process 4711 is meant.
  let process: ProcessIdentity?

  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    host = String(parts[0])
    process = ProcessIdentity(String(parts[1]))
    guard process != nil || (Int32(parts[1]) ?? 0) > 0 else { return nil }
  }

  /// Whether it is known to be no more. What cannot be judged from here lives until its lease runs out: a
  /// process of another machine, of an earlier boot, of another PID namespace (a container with the
  /// same host name), or one that older software named.
  var isDead: Bool {
    guard host == Self.thisHost, let process, let here = ProcessIdentity.this else { return false }
    return process.isDead(seenFrom: here)
  }

  static var thisHost: String { ProcessIdentity.hostName }
}

extension Run {
  /// A run of this process, with a random name.
  package static func here(leaseSeconds: Double = Run.usualLease) -> Run {
    let id = Format.padded(String(UInt64.random(in: 0...UInt64.max), radix: 16), 16)
    return Run(
      id: id, host: LeaseOwner.thisHost,
      process: ProcessIdentity.this?.description ?? String(getpid()), leaseSeconds: leaseSeconds)
  }
}

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
      \(Lease.cleared), next_attempt_at = NULL
      """
  }

  /// The values of ``change(greatest:isAlone:)``, in their order.
  var changeValues: [Condition.Value] {
    let alone = isAlone.values
    return alone + alone + [.text(ErrorClass.internal.rawValue)] + alone
      + [.text(AttemptPolicy.diedMessage)] + alone + alone
  }
}
