import Synchronization

/// Whether a server has ever answered in this run.
final class FirstContact: Sendable {
  private enum State: Equatable {
    case untried
    /// Nobody was there, for the first time at this moment of the monotonic clock, in nanoseconds.
    case missing(since: Int64)
    case made
  }

  let limit: Double
  private let state = Mutex(State.untried)

  /// Hope ends so many seconds after the first try that found nobody.
  init(within limit: Double) { self.limit = limit }

  /// It said something, be it an error.
  func answered() {
    state.withLock { if $0 != .made { $0 = .made } }
  }

  /// Nobody was there. Whether it was so from the beginning, and for too long.
  func isHopeless(now: Int64) -> Bool {
    state.withLock { state in
      switch state {
      case .made: return false
      case .untried:
        state = .missing(since: now)
        return limit <= 0
      case .missing(let since): return Double(now - since) / 1e9 >= limit
      }
    }
  }
}
