import Synchronization

/// What the workers of a run know of a bucket together: whether to look before they send, which may only
/// be left out where the store is known to honour preconditions, for then these keep promise P8.
final class Lookout: Sendable {
  private enum Trust {
    case unknown, beingTried, earned, refused
  }

  private struct State {
    var look = LookFirst()
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
