import CLI
import Common
import Synchronization

/// A kind of trouble that the portal can be told to make.
enum FaultKind: String, Sendable, CaseIterable {
  case tooMany = "429"
  case unavailable = "503"
  case internalError = "500"
  case reset, stall, short, html, empty, drip, login

  /// Whether the trouble is a whole answer in place of the right one.
  var isPage: Bool {
    switch self {
    case .tooMany, .unavailable, .internalError, .html, .empty, .login: true
    case .reset, .stall, .short, .drip: false
    }
  }
}

/// One kind of trouble and the share of requests that meet it.
struct FaultRule: Sendable, Equatable {
  let kind: FaultKind
  let share: Double

  init(kind: FaultKind, share: Double) {
    self.kind = kind
    self.share = share
  }

  /// Reads `reset=0.05` or `reset=5%`.
  init(parsing text: String) throws(FaultRuleError) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw FaultRuleError("expected KIND=SHARE, like reset=5%") }
    guard let kind = FaultKind(rawValue: String(parts[0])) else {
      let kinds = FaultKind.allCases.map(\.rawValue).joined(separator: ", ")
      throw FaultRuleError("the kinds are \(kinds)")
    }
    guard let share = Share(argument: String(parts[1])) else {
      throw FaultRuleError("the share is a number from 0 to 1, or a percentage")
    }
    self.init(kind: kind, share: share.value)
  }
}

/// Why a text is not a rule.
struct FaultRuleError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// What happens to one request.
struct Fault: Sendable, Equatable {
  let kind: FaultKind
  /// Of 0..<1: where in the answer it strikes.
  let point: Double

  /// After how many bytes of the body it strikes; `nil` before the first byte of the head.
  func cut(_ body: Int) -> Int? {
    point < 0.5 ? nil : Int(Double(body) * (2 * point - 1))
  }
}

/// Which requests meet which trouble: the same for the same seed and count of requests.
struct FaultPlan: Sendable {
  private let rules: [FaultRule]
  private let seed: Int

  /// The shares must not exceed 1 together.
  init(rules: [FaultRule], seed: Int) {
    self.rules = rules
    self.seed = seed
  }

  /// What happens to the request with this number.
  func fault(request number: Int) -> Fault? {
    guard !rules.isEmpty else { return nil }
    var random = SeededRandom(seed: seed, .fault, number)
    var lot = random.unit()
    for rule in rules {
      if lot < rule.share { return Fault(kind: rule.kind, point: random.unit()) }
      lot -= rule.share
    }
    return nil
  }
}

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
      if route.isScan { state.scans += 1 }
      return false
    }
  }
}
