import Common
import Crypto
import Synchronization

/// The sessions of a site, each good for so many requests; and the tokens that are bound to them.
final class Sessions: Sendable {
  /// With more than these, all end: a site that was started anew.
  private static let maximum = 10_000

  private struct State {
    var begun = 0
    /// Requests that are left to each.
    var left: [String: Int] = [:]
  }

  private let seed: Int
  private let requests: Int
  private let state = Mutex(State())

  /// Sessions that last for `requests` requests; with 0, for ever.
  init(seed: Int, requests: Int) {
    self.seed = seed
    self.requests = requests == 0 ? .max : requests
  }

  /// A new session: what its cookie holds.
  func begin() -> String {
    let id = visit()
    state.withLock { state in
      if state.left.count >= Self.maximum { state.left = [:] }
      state.left[id] = requests
    }
    return id
  }

  /// A new name for one who has no session.
  func visit() -> String {
    let number = state.withLock { state in
      state.begun += 1
      return state.begun
    }
    return String(token("visit \(number)", of: "").prefix(24))
  }

  /// Whether there is such a session still. Counts one of its requests.
  func use(_ id: String?) -> Bool {
    guard let id else { return false }
    return state.withLock { state in
      guard let left = state.left[id] else { return false }
      state.left[id] = left > 1 ? left - 1 : nil
      return true
    }
  }

  /// What a page of a session has for a purpose, and no other session has: 64 hexadecimal digits.
  func token(_ purpose: String, of session: String) -> String {
    Digest.sha256("\(seed)\n\(session)\n\(purpose)".utf8)
  }
}

extension Request {
  /// The value of a cookie (RFC 6265, section 4.2).
  func cookie(_ name: String) -> String? {
    headers["cookie"]?.split(separator: ";").lazy
      .map { $0.trimmed().split(separator: "=", maxSplits: 1) }
      .first { $0.count == 2 && $0[0] == name }.map { String($0[1]) }
  }
}
