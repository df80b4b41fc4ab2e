import Common
import HTTP
import Logging
import Synchronization

/// Who we are to a store: one place where credentials come from.
protocol Identity<Credential>: Sendable {
  associatedtype Credential: Sendable, Equatable

  /// Who it is and where it was found, for people: `the service account robot@… (/etc/key.json, which
  /// GOOGLE_APPLICATION_CREDENTIALS names)`.
  var name: String { get }
  /// Credentials that hold from now on, each server asked once. Throws ``RetryableFailure`` where another
  /// try may do, ``IdentityRefusal`` where a server said no, and ``Fatal`` for what only people can mend.
  func issue(_ exchange: IdentityExchange) throws -> Issued<Credential>
  /// What to do about a refusal.
  func advice(_ refusal: IdentityRefusal) -> String
}

/// No server answers where only machines of a vendor's have one: most likely this is none of them, unless it
/// answered before.
struct MissingServer: Error, CustomStringConvertible {
  let failure: RetryableFailure
  /// What to do where it never answered.
  let end: Fatal
  var description: String { end.message }
}

/// Credentials, and how long they hold.
struct Issued<Credential: Sendable>: Sendable {
  let credential: Credential
  /// In seconds from the moment when they were asked for; `nil` where no end is known.
  var lifetime: Double?
}

/// The credentials that all threads use, renewed before they end.
///
/// No thread waits for a renewal: one makes it while the old credentials still hold, and the others go on
/// with those. Only where none hold (at the start, or after a refusal) each asks for itself.
final class LiveCredentials<Credential: Sendable & Equatable>: Sendable {
  private struct State {
    var credential: Credential?
    /// On the monotonic clock in nanoseconds, as those that follow.
    var end = Int64.min
    var nextRenewal = Int64.max
    var isBeingRenewed = false
    var hasIssued = false
  }

  private let identity: any Identity<Credential>
  private let exchange: IdentityExchange
  private let gate: StoreGate
  private let now: @Sendable () -> Int64
  private let state = Mutex(State())

  init(
    _ identity: any Identity<Credential>, _ gate: StoreGate,
    now: @escaping @Sendable () -> Int64 = Time.monotonic
  ) {
    self.identity = identity
    self.gate = gate
    self.now = now
    exchange = IdentityExchange(gate.settings)
  }

  /// Who it is, for people.
  var name: String { identity.name }

  /// Credentials that hold.
  func current() throws -> Credential {
    let now = now()
    let (held, isToBeRenewed) = state.withLock { state -> (Credential?, Bool) in
      guard let held = state.credential, now < state.end else { return (nil, false) }
      guard !state.isBeingRenewed, now >= state.nextRenewal else { return (held, false) }
      state.isBeingRenewed = true
      return (held, true)
    }
    guard let held else { return try renewed() }
    guard isToBeRenewed else { return held }
    defer { state.withLock { $0.isBeingRenewed = false } }
    do {
      return keep(try identity.issue(exchange), asked: now)
    } catch {
      gate.settings.logger.info("\(name) could not be renewed yet: \(Format.reason(error))")
      state.withLock { $0.nextRenewal = now + Self.renewalWait }
      return held
    }
  }

  /// Those that were last asked for, if any.
  var held: Credential? { state.withLock { $0.credential } }

  /// Forgets credentials that a store refused, unless another thread has newer ones already.
  func refused(_ credential: Credential) {
    state.withLock { if $0.credential == credential { $0.credential = nil } }
  }

  /// Whether others came in place of credentials that a store refused: a file that was written anew, or a
  /// server that gives new ones.
  func replaced(_ credential: Credential) throws -> Bool {
    refused(credential)
    return try current() != credential
  }

  private func renewed() throws -> Credential {
    var retrier = Retrier("asking for credentials", .token, gate) { _, _ in
      "Check the network and a proxy"
    }
    var found: Credential?
    do {
      _ = try retrier.answer {
        let asked = now()
        do {
          found = keep(try identity.issue(exchange), asked: asked)
          return .answer(StoreResponse(head: .init(status: 200), body: []), .success)
        } catch let failure as RetryableFailure {
          return .failure(failure)
        } catch let missing as MissingServer {
          guard state.withLock(\.hasIssued) else { throw missing.end }
          return .failure(missing.failure)
        }
      }
    } catch let refusal as IdentityRefusal {
      throw Fatal(
        .permission,
        "\(name) gets no credentials: \(refusal.words). \(identity.advice(refusal))")
    }
    guard let found else { throw RecordError(.internal, "credentials that were never asked for") }
    return found
  }

  private func keep(_ issued: Issued<Credential>, asked: Int64) -> Credential {
    state.withLock {
      $0.credential = issued.credential
      $0.hasIssued = true
      guard let lifetime = issued.lifetime else {
        ($0.end, $0.nextRenewal) = (.max, .max)
        return
      }
      let seconds = max(0, min(lifetime, 86_400))
      $0.end = asked + Int64(seconds * 1e9)
      // Those that hold for a short time are not asked for anew with each request.
      let renewal = max(seconds - Self.margin, seconds / 2)
      $0.nextRenewal = asked + max(Int64(renewal * 1e9), Self.renewalWait)
    }
    return issued.credential
  }

  /// Credentials are renewed so long before their end, in seconds.
  private static var margin: Double { 300 }
  /// While the old ones hold, a renewal that failed is tried again after so many nanoseconds.
  private static var renewalWait: Int64 { 10_000_000_000 }
}
