import Common
import Logging
import Transfer

/// Why a try came to nothing, though the next may come to something.
struct Setback: Sendable, Equatable {
  /// What happened, for people.
  let reason: String
  /// Seconds that the store asked to wait, where it did.
  var retryAfter: Double?
  /// Whether the token was refused: a new one is worth one try at once.
  var isUnauthorized = false
}

/// How long one errand goes on in spite of trouble. Whether a request may be sent again at all is for
/// its sender to know: all of ours are idempotent or carry a precondition.
struct Patience {
  /// No wait that a store asks for is longer, in seconds.
  static let longestWait = 300.0

  private let errand: String
  private let policy: RetryPolicy
  private let stop: Stop
  private let logger: Logger
  private var failures = 0
  private var start = Time.monotonic()
  private var hasNewToken = false

  init(_ errand: String, _ settings: StoreSettings) {
    self.errand = errand
    policy = settings.retry
    stop = settings.stop
    logger = settings.logger
  }

  /// Something was achieved: whatever comes next is a new trouble.
  mutating func progressed() {
    failures = 0
    start = Time.monotonic()
    hasNewToken = false
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
    guard stop.sleep(seconds: seconds) else {
      throw RecordError.stopped
    }
  }
}

/// What became of one request.
enum Outcome: Sendable {
  /// An answer that means something.
  case answer(Answer, Meaning)
  /// None, or one that asks to try again.
  case setback(Setback)
}

extension Setback {
  /// A transfer that failed. Throws where another try makes no sense.
  init(_ error: TransferError, _ errand: String) throws {
    switch error.kind {
    case .timeout, .network, .tooLarge, .refusedBySink: self.init(reason: error.description)
    case .local: throw RecordError(.local, "\(errand): \(error)")
    case .stopped, .notStarted: throw RecordError.stopped
    case .certificate, .configuration, .blocked, .invalid:
      throw Fatal(.unavailable, "\(errand): \(error)")
    }
  }

  /// An answer that asks to try again.
  init(_ answer: Answer, _ reason: String) {
    self.init(reason: reason)
    let field = answer.head.header("Retry-After")
    let now = Int(Time.wall() / 1_000_000_000)
    retryAfter = field.flatMap { retryAfterSeconds($0, now: now) }
  }
}
