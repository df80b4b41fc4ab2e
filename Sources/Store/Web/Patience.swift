import Common
import Logging
import Synchronization

/// How long one errand goes on in spite of trouble. Whether a request may be sent again at all is for
/// its sender to know: all of ours are idempotent or carry a precondition.
struct Patience {
  /// No wait that a store asks for is longer, in seconds.
  static let longestWait = 300.0

  private let errand: String
  private let policy: RetryPolicy
  private let outage: StoreOutage
  private let contact: FirstContact
  private let stop: Stop
  private let logger: Logger
  private var failures = 0
  private var start = Time.monotonic()
  private var hasNewToken = false

  /// - Parameter contact: whether whoever is asked has ever answered; without it, that is the store.
  init(_ errand: String, _ settings: StoreSettings, contact: FirstContact? = nil) {
    self.errand = errand
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
    switch try send() {
    case .answer(let answer, let meaning):
      contact.answered()
      if outage.watch.withLock({ $0.succeeded() }) { logger.notice("the store is back") }
      return (answer, meaning)
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
    let verdict = outage.watch.withLock { $0.failed(errand, now: Time.monotonic()) }
    if case .outage(let pause) = verdict { return try sitOut(setback, pause) }
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
  let watch: Mutex<StoreOutageWatch>
  let contact: FirstContact

  /// A watch that all share. `firstContact` is how many seconds a store may be out of reach before it
  /// has answered for the first time.
  public init(_ watch: StoreOutageWatch = StoreOutageWatch(), firstContact: Double = 15) {
    self.watch = Mutex(watch)
    contact = FirstContact(within: firstContact)
  }
}
