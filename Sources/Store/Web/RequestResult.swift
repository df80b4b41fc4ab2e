import Common
import HTTP

/// What became of one request.
enum RequestResult: Sendable {
  /// An answer that means something.
  case answer(StoreResponse, ResponseClass)
  /// One that refuses without saying whom that concerns, in the store's words.
  case refusal(StoreResponse, StoreCause, String)
  /// None, or one that asks to try again.
  case failure(RetryableFailure)
}

/// An answer that ends an operation, or a part of it.
typealias Reply = (answer: StoreResponse, kind: ResponseClass)

/// Why a try came to nothing, though the next may come to something.
struct RetryableFailure: Error, Equatable, CustomStringConvertible {
  /// What happened, for people.
  let reason: String
  var description: String { reason }
  /// Seconds that the store asked to wait, where it did.
  var retryAfter: Double?
  /// Whether the token was refused: a new one is worth one try at once.
  var isUnauthorized = false
  /// Whether no server was there to answer, or none that could prove to be the right one.
  var isWithoutConnection = false
  /// Whether waiting does not help where it was never otherwise: a certificate.
  var isHopeless = false

  /// What it is for all who ask. `advice` is for an address that may be wrong.
  func refusal(advice: String) -> Refusal {
    Refusal(
      reason, advice: isWithoutConnection ? advice : "",
      isNeverTheDocuments: isWithoutConnection, isHopeless: isHopeless)
  }
}

extension RequestResult {
  /// What an answer comes to; `words` are the store's, for people.
  init(_ answer: StoreResponse, _ kind: ResponseClass, words: @autoclosure () -> String) {
    switch kind {
    case .retry: self = .failure(RetryableFailure(answer, words()))
    case .refused(let cause): self = .refusal(answer, cause, words())
    default: self = .answer(answer, kind)
    }
  }

  /// Whether it refuses without a word about the reason.
  var lacksWords: Bool {
    switch self {
    case .answer(let answer, let kind): kind.needsWords && answer.body.isEmpty
    case .refusal(let answer, _, _): answer.body.isEmpty
    case .failure: false
    }
  }

  /// The same, where a good answer that `describes` nothing is not the store's: a proxy's page, or that of
  /// a network that wants a log-in.
  func understood(_ describes: (StoreResponse) -> Bool) -> RequestResult {
    guard case .answer(let answer, .success) = self, !describes(answer) else { return self }
    return .refusal(answer, .foreign, "\(answer.status), which is not an answer of the store")
  }
}

extension RetryableFailure {
  /// A transfer that failed. Throws where another try makes no sense.
  init(_ error: TransferError, _ context: String) throws {
    switch error.kind {
    case .timeout, .network, .tooLarge, .refusedBySink:
      self.init(reason: error.description, isWithoutConnection: error.isWithoutConnection)
      // What breaks off after its head has asked to wait all the same.
      if let head = error.head, head.status >= 300 { retryAfter = Self.wait(head) }
    case .certificate:
      self.init(reason: error.description, isWithoutConnection: true, isHopeless: true)
    case .local: throw RecordError(.local, "\(context): \(error)")
    case .stopped, .notStarted: throw RecordError.stopped
    case .configuration, .blocked, .invalid:
      throw Fatal(.unavailable, "\(context): \(error)")
    }
  }

  /// An answer that asks to try again.
  init(_ answer: StoreResponse, _ reason: String) {
    self.init(reason: reason)
    retryAfter = Self.wait(answer.head)
  }

  private static func wait(_ head: ResponseHead) -> Double? {
    head.retryAfter(now: Time.wallSeconds())
  }
}

extension BucketStore {
  /// The error behind an answer that ends an operation: what failed, why, and what to do.
  func failure(_ reply: Reply, _ operation: String, _ purpose: Purpose) -> any Error {
    let words = "\(operation): \(words(reply.answer))"
    switch reply.kind {
    case .storeWide(let cause), .refused(let cause):
      return Fatal(cause.exitCode, "\(words): \(advice(cause, reply.answer, purpose))")
    case .unauthorized:
      return Fatal(.permission, "\(words): \(advice(.permission, reply.answer, purpose))")
    case .noBucket:
      return Fatal(
        .unavailable,
        "\(operation): there is no bucket \(bucket.root). Correct the URL, or make it (--create-bucket)"
      )
    case .held:
      return RecordError(
        .storeHeld,
        "\(words): the store keeps the object as it is. Wait for the end of its retention, or have the "
          + "hold released; then have the document tried again")
    case .damaged:
      return RecordError(
        .storeRejected, "\(words): what arrived is not what was sent", isRetryable: true)
    case .absent:
      return RecordError(
        .storeUnavailable, "\(words): what was to be replaced or completed is gone")
    case .success, .incomplete, .changed, .retry, .unfit:
      return RecordError(.storeRejected, words)
    }
  }
}
