import Common
import Transfer

/// What an answer means. Pure: a function of status, headers and what kind of body came.
enum Judgement: Equatable {
  /// What was asked for.
  case accepted
  /// To be asked for elsewhere.
  case redirect(String)
  /// No document. `retryAfter` is what the portal asks for, in seconds; `slowDown` whether everybody
  /// should hold back.
  case refused(RecordError, slowDown: Bool, retryAfter: Double?)

  /// What a body turned out to be.
  enum Body: Equatable {
    case empty
    /// It begins like a PDF; whether it ends like one.
    case pdf(isWhole: Bool)
    /// Anything else; what the portal file's patterns say that it means, if they do.
    case page(meaning: ErrorClass?)
  }

  /// What a request is for.
  enum Purpose: Sendable {
    case document
    /// A page to be read, which has to have what every answer has; a PDF straight away is as good.
    case lookup(Lookup)
  }

  /// Judges an answer. `title` is what people would call the page, `now` is in seconds since 1970.
  init(
    _ head: ResponseHead, _ body: Body, title: @autoclosure () -> String = "",
    for purpose: Purpose, now: Int
  ) {
    let retryAfter = head.header("Retry-After").flatMap { retryAfterSeconds($0, now: now) }
    func refused(
      _ kind: ErrorClass, _ message: String, slowDown: Bool = false, isRetryable: Bool? = nil
    ) -> Judgement {
      .refused(
        RecordError(kind, message, isRetryable: isRetryable), slowDown: slowDown,
        retryAfter: retryAfter)
    }
    let status = head.status
    switch status {
    case 200: self = Self.judge(body, title(), purpose)
    case 301, 302, 303, 307, 308:
      if let location = head.header("Location"), !location.isEmpty {
        self = .redirect(location)
      } else {
        self = refused(.portalError, "status \(status) without a Location")
      }
    case 401, 403:
      self = refused(.restricted, "status \(status): the portal does not give it to us")
    case 404, 410: self = refused(.absent, "status \(status): the portal does not have it")
    case 408: self = refused(.timeout, "status 408: the portal gave up waiting")
    case 429: self = refused(.rateLimited, "status 429: too many requests", slowDown: true)
    case 503:
      let kind: ErrorClass = retryAfter == nil ? .portalError : .rateLimited
      self = refused(kind, "status 503: the portal is overloaded or down", slowDown: true)
    case 500...: self = refused(.portalError, "status \(status)")
    default:
      self = refused(.portalError, "status \(status), which is no answer", isRetryable: false)
    }
  }

  private static func judge(
    _ body: Body, _ title: @autoclosure () -> String, _ purpose: Purpose
  ) -> Judgement {
    func refused(_ kind: ErrorClass, _ message: String) -> Judgement {
      .refused(RecordError(kind, message), slowDown: kind == .rateLimited, retryAfter: nil)
    }
    switch (body, purpose) {
    case (.page(let meaning?), _):
      return refused(meaning, "another page was the answer: \(Format.quoted(title()))")
    case (.pdf(isWhole: true), _), (.page(nil), .lookup): return .accepted
    case (.pdf(isWhole: false), _):
      return refused(.badPDF, "the PDF has no end (%%EOF): it was cut short")
    case (.empty, .document): return refused(.badPDF, "an empty body where a PDF should be")
    case (.empty, .lookup): return refused(.portalError, "the look-up answered with an empty page")
    case (.page(nil), .document):
      return refused(.portalError, "a page where a PDF should be: \(Format.quoted(title()))")
    }
  }
}

extension RecordError {
  /// What a broken transfer means for the document; throws where it is this machine's trouble.
  init(_ error: TransferError, url: WebURL) throws(Fatal) {
    let kind: ErrorClass
    switch error.kind {
    case .timeout: kind = .timeout
    case .network, .certificate: kind = .network
    case .tooLarge: kind = .tooLarge
    case .blocked, .invalid: kind = .blockedURL
    case .stopped, .notStarted:
      self = .stopped
      return
    case .local, .refusedBySink: throw Fatal(.inputOutput, error.description)
    case .configuration: throw Fatal(.configuration, error.description)
    }
    self.init(kind, "\(error.description) (\(url.redacted))")
  }
}
