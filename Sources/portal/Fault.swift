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
    var dice = Dice(seed: seed, .fault, number)
    var lot = dice.unit()
    for rule in rules {
      if lot < rule.share { return Fault(kind: rule.kind, point: dice.unit()) }
      lot -= rule.share
    }
    return nil
  }
}
