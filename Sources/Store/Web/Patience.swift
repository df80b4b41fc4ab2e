import Common
import Logging
import Synchronization

/// How long one errand goes on in spite of trouble. Whether a request may be sent again at all is for
/// its sender to know: all of ours are idempotent or carry a precondition.
struct Patience {
  /// No wait that a store asks for is longer, in seconds.
  static let longestWait = 300.0

  private let errand: String
  private let operation: StoreOperation
  private let policy: RetryPolicy
  private let outage: StoreOutage
  private let contact: FirstContact
  private let stop: Stop
  private let logger: Logger
  private var failures = 0
  private var start = Time.monotonic()
  private var hasNewToken = false

  /// - Parameters:
  ///   - errand: what it is about, for people: most often the URL of a document.
  ///   - operation: what kind of request it is.
  ///   - contact: whether whoever is asked has ever answered; without it, that is the store.
  init(
    _ errand: String, _ operation: StoreOperation, _ settings: StoreSettings,
    contact: FirstContact? = nil
  ) {
    self.errand = errand
    self.operation = operation
    policy = settings.retry
    outage = settings.outage
    self.contact = contact ?? settings.outage.contact
    stop = settings.stop
    logger = settings.logger
  }

  /// Something was achieved: whatever comes next is a new trouble.
  mutating func progressed() {
    failures = 0
    start = Time.monotonic()
    hasNewToken = false
  }

  /// Sends one request as often as it takes: only for those that may be sent again.
  mutating func answer(_ send: () throws -> Outcome) throws -> Reply {
    while true {
      if let reply = try attempt(send) { return reply }
    }
  }

  /// Sends one request once; `nil` where that came to nothing and the next try may begin.
  mutating func attempt(_ send: () throws -> Outcome) throws -> Reply? {
    let began = Time.monotonic()
    switch try send() {
    case .answer(let answer, let kind):
      contact.answered()
      if kind.isGrant, outage.granted(operation, began: began) {
        logger.notice("the store is back")
      }
      return (answer, kind)
    case .refusal(let answer, let cause, let words):
      contact.answered()
      switch outage.refused(operation, errand, isClear: cause.isClear, now: Time.monotonic()) {
      case .documents: return (answer, .unfit)
      case .everybodys: return (answer, .storeWide(cause))
      case .open: break
      }
      try endure(Setback(reason: words, ending: cause.exitCode))
      return nil
    case .setback(let setback):
      if setback.isWithoutConnection {
        try expectContact(setback)
      } else {
        contact.answered()
      }
      try endure(setback)
      return nil
    }
  }

  /// Waits for the next try. Throws `store_unavailable` when enough was tried, which is an outage and
  /// no fault of the document, and `interrupted` when the run is stopped.
  mutating func endure(_ setback: Setback) throws {
    if setback.isUnauthorized {
      guard !hasNewToken else {
        throw Fatal(
          .permission,
          "\(errand): \(setback.reason), also with a new token: check the credentials")
      }
      hasNewToken = true
      return
    }
    switch outage.failed(operation, errand, now: Time.monotonic()) {
    case .own: break
    case .outage(let pause): return try sitOut(setback, pause)
    case .tooLong(let seconds):
      throw Fatal(
        setback.ending,
        """
        \(errand): \(setback.reason), and nothing else for \(Format.duration(seconds: seconds)): the \
        store takes nothing. No document failed for it. Mend the store, then run the same command again
        """)
    }
    failures += 1
    let elapsed = Double(Time.monotonic() - start) / 1e9
    let wait = policy.delay(
      afterAttempt: failures, elapsed: elapsed, random: .random(in: 0...1))
    guard let wait else {
      throw RecordError(
        .storeUnavailable, "\(errand): \(setback.reason), \(failures) times in a row")
    }
    let seconds = max(wait, min(setback.retryAfter ?? 0, Self.longestWait))
    logger.info("\(errand): \(setback.reason): again in \(Format.duration(seconds: seconds))")
    try sleep(seconds)
  }

  /// A store that was never there is more likely a wrong address than an outage, and nobody should
  /// have to wait for hours to learn of it.
  private func expectContact(_ setback: Setback) throws {
    guard contact.isHopeless(now: Time.monotonic()) else { return }
    throw Fatal(
      .unavailable,
      """
      \(errand): \(setback.reason): nobody ever answered there in this run. Check the network, a \
      proxy, and STORAGE_EMULATOR_HOST or AWS_ENDPOINT_URL; then run the same command again
      """)
  }

  /// Others fail, too, and nobody succeeds: that uses up none of this errand's tries.
  private mutating func sitOut(_ setback: Setback, _ pause: Double) throws {
    let seconds = max(pause, min(setback.retryAfter ?? 0, Self.longestWait))
    logger.warning(
      """
      \(errand): \(setback.reason); others fail, too: an outage. Nothing is lost; \
      again in \(Format.duration(seconds: seconds))
      """)
    try sleep(seconds)
    progressed()
  }

  private func sleep(_ seconds: Double) throws {
    guard stop.sleep(seconds: seconds) else { throw RecordError.stopped }
  }
}

/// What all who use a store know of its being down.
public final class StoreOutage: Sendable {
  private struct Kind {
    var watch: StoreOutageWatch
    var ledger = RefusalLedger()
    /// When the outage was seen, by the monotonic clock.
    var outageSince: Int64?
  }

  /// What a request that came to nothing is taken for.
  enum Verdict: Sendable, Equatable {
    /// The document's, until more is known: it has its own tries.
    case own
    /// Everybody's: it is asked again after so many seconds, which uses up no try.
    case outage(pause: Double)
    /// It has lasted for so many seconds, and longer than a run waits.
    case tooLong(Double)
  }

  private let watch: StoreOutageWatch
  private let kinds = Mutex<[StoreOperation: Kind]>([:])
  private let unclearLimit: Double
  private let limit: Double
  let contact: FirstContact

  /// A watch that all share.
  ///
  /// - Parameters:
  ///   - firstContact: how many seconds a store may be out of reach before it has answered for the
  ///     first time.
  ///   - firstGrant: how many seconds it may refuse everything, for reasons that are not clear, before
  ///     it has granted something for the first time.
  ///   - limit: how many seconds an outage may last before the run ends.
  public init(
    _ watch: StoreOutageWatch = StoreOutageWatch(longest: .infinity), firstContact: Double = 15,
    firstGrant: Double = 60, limit: Double = 6 * 3600
  ) {
    self.limit = limit
    self.watch = watch
    unclearLimit = firstGrant
    contact = FirstContact(within: firstContact)
  }

  /// A request of that kind was granted. Returns whether an outage is over with it.
  func granted(_ operation: StoreOperation, began: Int64) -> Bool {
    with(operation) {
      $0.ledger.granted(began: began)
      $0.outageSince = nil
      return $0.watch.succeeded()
    }
  }

  /// A request of that kind came to nothing, for a reason that is not the document's, or may not be.
  func failed(_ operation: StoreOperation, _ document: String, now: Int64) -> Verdict {
    with(operation) { (kind: inout Kind) -> Verdict in
      guard case .outage(let pause) = kind.watch.failed(document, now: now) else { return .own }
      let since = kind.outageSince ?? now
      kind.outageSince = since
      let lasted = Double(now - since) / 1e9
      return lasted >= limit ? .tooLong(lasted) : .outage(pause: min(pause, max(1, limit - lasted)))
    }
  }

  /// A request of that kind was refused.
  func refused(
    _ operation: StoreOperation, _ document: String, isClear: Bool, now: Int64
  ) -> RefusalLedger.Verdict {
    guard operation.isAboutDocuments || !isClear else { return .everybodys }
    return with(operation) {
      $0.ledger.refused(document, isClear: isClear, limit: unclearLimit, now: now)
    }
  }

  private func with<Value>(
    _ operation: StoreOperation, _ body: (inout Kind) -> sending Value
  ) -> sending Value {
    kinds.withLock { kinds in
      var kind = kinds[operation] ?? Kind(watch: watch)
      defer { kinds[operation] = kind }
      return body(&kind)
    }
  }
}
