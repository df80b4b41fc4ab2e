import Synchronization

/// What the workers of a run know of a bucket together: whether to look before they send, which may only
/// be left out where the store is known to honour preconditions, for then these keep promise P8.
final class ExistenceCheck: Sendable {
  private enum Trust {
    case unknown, beingTried, earned, refused
  }

  private struct State {
    var look = ExistencePolicy()
    var trust: Trust
  }

  private let state: Mutex<State>

  /// - Parameter isTrusted: whether it is Google's own service, and no emulator.
  init(isTrusted: Bool) { state = Mutex(State(trust: isTrusted ? .earned : .unknown)) }

  /// Whether a document of that size is looked for before it is sent.
  func isWanted(bytes: Int) -> Bool {
    state.withLock { $0.trust != .earned || $0.look.isWanted(bytes: bytes) }
  }

  func found(_ isThere: Bool) { state.withLock { $0.look.found(isThere) } }

  /// True once: when looking could be left out, if only the store could be trusted. Whoever gets it tries
  /// that, and tells.
  func wantsTrial() -> Bool {
    state.withLock { state in
      guard state.trust == .unknown, state.look.isSure else { return false }
      state.trust = .beingTried
      return true
    }
  }

  func tried(honours: Bool) { state.withLock { $0.trust = honours ? .earned : .refused } }
}

/// Whether a document's place is looked at before it is sent there, or only where the precondition of the
/// upload fails: pure bookkeeping over what all workers find.
///
/// A look costs a round trip, as much as sending a small document; sending what is there already costs
/// its bytes. A run that goes on where another was broken off meets what is there before it meets what is
/// not. So when nothing was there many times in a row, small documents are sent at once, until one is there.
struct ExistencePolicy: Sendable, Equatable {
  /// So many absent ones in a row: more than most runs have workers, for what was in flight when a run
  /// was broken off are gaps, and not the end of what is there.
  static let streak = 32
  /// Larger documents are always looked for, in bytes.
  static let small = 1 << 20

  private var absent = 0

  /// Whether a document of that size is looked for.
  func isWanted(bytes: Int) -> Bool { bytes > Self.small || !isSure }

  /// Whether nothing was there for so long that small ones are not looked for.
  var isSure: Bool { absent >= Self.streak }

  /// Something was there, or nothing.
  mutating func found(_ isThere: Bool) { absent = isThere ? 0 : min(absent + 1, Self.streak) }
}
