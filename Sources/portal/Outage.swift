import Common
import Synchronization

/// A time in which the portal answers everybody in the same wrong way: `403@30+60` from the 30th scan on
/// for 60 seconds.
struct Outage: Sendable, Equatable {
  /// How it answers.
  enum Kind: Sendable, Equatable {
    /// A status without a document.
    case status(Int)
    case maintenance, login
    /// An error as JSON, with 200.
    case json
    /// Connections are taken, and nothing is answered.
    case silent
    /// Connections are reset.
    case reset
  }

  let kind: Kind
  /// Scans that are answered before it.
  let after: Int
  /// Seconds that it lasts.
  let seconds: Double

  /// Reads `KIND@AFTER+SECONDS`.
  init(parsing text: String) throws(FaultRuleError) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
    let numbers = parts.count == 2 ? parts[1].split(separator: "+").map(String.init) : []
    guard numbers.count == 2, let after = Int(numbers[0]), after >= 0,
      let seconds = Time.span(numbers[1])
    else { throw FaultRuleError("expected KIND@AFTER+SECONDS, like 403@30+60") }
    guard let kind = Self.kind(parts[0]) else {
      throw FaultRuleError(
        "the kinds are a status, maintenance, login, json, silent and reset")
    }
    (self.kind, self.after, self.seconds) = (kind, after, seconds)
  }

  private static func kind(_ name: String) -> Kind? {
    switch name {
    case "maintenance": .maintenance
    case "login": .login
    case "json": .json
    case "silent": .silent
    case "reset": .reset
    default: Int(name).flatMap { (200...599).contains($0) ? .status($0) : nil }
    }
  }

  /// The answer, where there is one.
  var response: Response {
    switch kind {
    case .status(let status): Response(status, html: Pages.failure("Status \(status)."))
    case .maintenance: Response(html: Pages.failure("The portal is down for maintenance."))
    case .login: Response(html: Pages.login)
    case .json: Response(200, "application/json", body: Array(#"{"error":"quota"}"#.utf8)[...])
    case .silent, .reset: Response(500, html: "")
    }
  }

  /// What happens to the connection instead.
  var fault: Fault? {
    switch kind {
    case .silent: Fault(kind: .stall, point: 0)
    case .reset: Fault(kind: .reset, point: 0)
    default: nil
    }
  }
}

/// Knows whether it is time for an ``Outage``.
final class OutageClock: Sendable {
  let outage: Outage
  private let state = Mutex<(scans: Int, began: Int64?)>((0, nil))

  init(_ outage: Outage) { self.outage = outage }

  /// Whether the outage strikes a request that came at `now`, in nanoseconds.
  func strikes(_ route: Route, now: Int64) -> Bool {
    state.withLock { state in
      if let began = state.began { return Double(now - began) / 1e9 < outage.seconds }
      guard state.scans < outage.after else {
        state.began = now
        return true
      }
      if case .scan = route { state.scans += 1 }
      return false
    }
  }
}
