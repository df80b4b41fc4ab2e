import Common
import Logging

/// Sends the requests that one thing takes, in spite of trouble. Whether a request may be sent again at all
/// is for its sender to know: all of ours are idempotent or carry a precondition.
///
/// What comes to nothing is held until ``OutageGate`` knows whose trouble it is. The store's is waited out and
/// uses up no try; a failure of its own is tried again by ``RetryPolicy``.
struct Retrier {
  /// No wait that a store asks for is longer, in seconds.
  static let longestWait = 300.0

  /// What came to nothing, as long as it is not known whose trouble that is.
  private enum Open {
    case refusal(StoreResponse, StoreCause, words: String)
    case failure(RetryableFailure)
  }

  /// What to do about a refusal, for people.
  typealias Advice = (StoreCause, StoreResponse) -> String

  private let context: String
  private let operation: StoreOperation
  private let gate: StoreGate
  private let scope: OutageGate.Scope
  private let advice: Advice
  /// When a failure of this thing's own is tried again.
  var policy: RetryPolicy
  private var failures = 0
  private var start = Time.monotonic()
  private var hasNewToken = false
  private var open: (what: Open, since: Int64, held: OutageGate.Held)?

  /// - Parameters:
  ///   - context: what it is about, for people: most often the URL of a document.
  ///   - operation: what kind of request it is.
  ///   - gate: what all requests to the store share.
  init(
    _ context: String, _ operation: StoreOperation, _ gate: StoreGate, advice: @escaping Advice
  ) {
    self.context = context
    self.operation = operation
    self.gate = gate
    self.advice = advice
    policy = gate.settings.retry
    scope = gate.scope(operation)
  }

  /// Something was achieved: whatever comes next is a new trouble.
  mutating func progressed() {
    failures = 0
    start = Time.monotonic()
    hasNewToken = false
  }

  /// Sends one request as often as it takes: only for those that may be sent again.
  mutating func answer(_ send: () throws -> RequestResult) throws -> Reply {
    while true {
      if let reply = try attempt(send) { return reply }
    }
  }

  /// Sends one request once, as soon as the store may be asked; `nil` where that came to nothing and the
  /// next try may begin. Throws `store_unavailable` when enough was tried, which uses up no attempt of the
  /// document's, `interrupted` on a stop, and ``Fatal`` where the run has to end.
  mutating func attempt(_ send: () throws -> RequestResult) throws -> Reply? {
    let ticket: OutageGate.Ticket
    switch try admission() {
    case .ticket(let given): ticket = given
    case .reply(let reply): return reply
    }
    defer { gate.outages.abandon(ticket) }
    if ticket.isTry { try gate.waitToTry() }
    let began = Time.monotonic()
    switch try send() {
    case .answer(let answer, let kind):
      if kind.isGrant {
        gate.granted(operation, began: began)
        gate.outages.succeeded(ticket)
      }
      return (answer, kind)
    case .refusal(let answer, let cause, let words):
      // A clear word that nothing contradicts is taken at once.
      guard !cause.isClear || operation.isAboutDocuments && gate.hasGranted(operation) else {
        return (answer, .storeWide(cause))
      }
      let refusal = Refusal(
        words, advice: sentence(advice(cause, answer)),
        isNeverTheDocuments: !gate.hasGranted(operation), ending: cause.exitCode)
      hold(.refusal(answer, cause, words: words), refusal, ticket)
    case .failure(let failure):
      try met(failure, ticket)
    }
    return nil
  }

  /// What was done came to nothing, though no request failed.
  mutating func failed(_ reason: String) {
    let ticket = gate.outages.observer(of: scope)
    hold(.failure(RetryableFailure(reason: reason)), Refusal(reason), ticket)
  }

  private enum Admission {
    case ticket(OutageGate.Ticket)
    case reply(Reply)
  }

  /// Waits until the store may be asked, or until it is known that a refusal is the document's.
  private mutating func admission() throws -> Admission {
    while true {
      switch try gate.outages.next(scope, open?.held, hasSample: false) {
      case .ask(let ticket):
        // It was, or is, an outage, which uses up none of the tries.
        if open != nil { progressed() }
        open = nil
        return .ticket(ticket)
      case .askSample(let ticket): gate.outages.abandon(ticket)
      case .own:
        if let reply = try settleOwn() { return .reply(reply) }
      }
    }
  }

  /// What came to nothing is no outage: the verdict, or a wait.
  private mutating func settleOwn() throws -> Reply? {
    guard let (what, since, _) = open else { return nil }
    open = nil
    switch what {
    case .refusal(let answer, _, let words):
      if gate.isDocuments(context, operation, refusedAt: since) { return (answer, .unfit) }
      try waitForNextTry(RetryableFailure(reason: words))
    case .failure(let failure): try waitForNextTry(failure)
    }
    return nil
  }

  private mutating func hold(
    _ what: Open, _ refusal: Refusal, _ ticket: OutageGate.Ticket
  ) {
    let identity = gate.identity(context, operation)
    let held = gate.outages.refused(ticket, identity, refusal, hasSample: false)
    open = (what, Time.monotonic(), held)
  }

  private mutating func met(
    _ failure: RetryableFailure, _ ticket: OutageGate.Ticket
  ) throws(Fatal) {
    if failure.isUnauthorized {
      guard !hasNewToken else {
        throw Fatal(
          .permission,
          "\(context): \(failure.reason), even with a new token. Check the credentials.")
      }
      hasNewToken = true
      return
    }
    if let seconds = failure.retryAfter { gate.postpone(seconds) }
    // A store that was there once is more likely out than at another address.
    if operation != .token, gate.isKnown { gate.outages.assumeGood(scope) }
    hold(.failure(failure), failure.refusal(advice: sentence(Self.addressAdvice)), ticket)
  }

  private static let addressAdvice =
    "check the network, a proxy, and STORAGE_EMULATOR_HOST or AWS_ENDPOINT_URL"

  /// Waits for the next try of this document's own. Throws `store_unavailable` when enough was tried.
  private mutating func waitForNextTry(_ failure: RetryableFailure) throws(RecordError) {
    failures += 1
    let elapsed = Double(Time.monotonic() - start) / 1e9
    let wait = policy.delay(
      afterAttempt: failures, elapsed: elapsed, random: .random(in: 0...1))
    guard let wait else {
      throw RecordError(
        .storeUnavailable, "\(context): \(failure.reason), \(failures) times in a row")
    }
    let seconds = max(wait, min(failure.retryAfter ?? 0, Self.longestWait))
    gate.settings.logger.info(
      "\(context): \(failure.reason). Retrying in \(Format.duration(seconds: seconds))")
    guard gate.settings.stop.sleep(seconds: seconds) else { throw RecordError.stopped }
  }

  private func sentence(_ advice: String) -> String {
    advice.prefix(1).uppercased() + advice.dropFirst() + "."
  }
}

/// What is asked of a store: who may read may not be allowed to write.
enum StoreOperation: String, Sendable, Hashable {
  case reading, writing, listing, removing
  case bucket = "looking for the bucket"
  case token = "asking for a token"

  /// Whether a refusal may be a single document's own.
  var isAboutDocuments: Bool { self == .reading || self == .writing }
}
