import Common
import HTTP

/// What an answer means. Pure: a function of status, headers and what kind of body came.
enum ResponseVerdict: Equatable {
  /// What was asked for.
  case accepted
  /// To be asked for elsewhere.
  case redirect(String)
  /// No document. `slowDown` says whether all should hold back, for `retryAfter` seconds where the
  /// portal says how long.
  case refused(RecordError, slowDown: Bool, retryAfter: Double?)

  /// What a body turned out to be.
  enum Body: Equatable {
    case empty
    /// It begins like a PDF; why it is none that can be read, or not all of it.
    case pdf(defect: String?)
    /// An image that the portal file accepts.
    case image
    /// Something else, by its name, and whether that may be another one the next time.
    case other(String, isPassing: Bool)
    /// What came was compressed, and cannot be unpacked; why.
    case broken(String)
    /// Anything else; what the portal file's patterns say that it means, if they do.
    case page(pageClass: ErrorClass?)
  }

  /// What a request is for.
  enum Purpose: Sendable {
    case document
    /// One of the images that a look-up named: the portal has it.
    case image
    /// A page to be read, which has to have what every answer has; a PDF straight away is as good.
    case page
    /// A page of which nothing is read: what counts is that the portal took the request.
    case action

    /// Whether what is asked for is no document, but a step on the way to it.
    var isPage: Bool { self == .page || self == .action }
  }

  /// Judges an answer. `title` is what people would call the page, `now` is in seconds since 1970; `meaning` is
  /// what the portal file says of this status.
  init(
    _ head: ResponseHead, _ body: Body, title: @autoclosure () -> String = "",
    for purpose: Purpose, meaning: ErrorClass? = nil, now: Int
  ) {
    func refused(
      _ kind: ErrorClass, _ message: String, slowDown: Bool = false, isRetryable: Bool? = nil
    ) -> ResponseVerdict {
      .refused(
        RecordError(kind, message, isRetryable: isRetryable), slowDown: slowDown,
        retryAfter: SlowDown.time(head, now: now))
    }
    let status = head.status
    var words: ErrorClass?
    if case .page(let pageClass) = body, status != 200, !(300..<400).contains(status) {
      // Where the page with the search form is gone, its "not found" is about that.
      let isAboutPage = purpose.isPage && [404, 410].contains(status)
      words = isAboutPage && pageClass == .absent ? nil : pageClass
    }
    if let kind = meaning ?? words {
      self = refused(
        kind, "HTTP \(status), which the portal file takes for \(kind.rawValue)",
        slowDown: SlowDown.statuses.contains(status) || kind == .rateLimited)
      return
    }
    // 201 is how an API answers that a search was made (RFC 9110, section 15.3.2).
    switch status == 201 && purpose == .page ? 200 : status {
    case 201..<300 where purpose == .action: self = .accepted
    case 200:
      self = Self.judge(body, title(), purpose)
      if case .refused(let error, let slowDown, _) = self {
        self = refused(
          error.kind, error.message, slowDown: slowDown, isRetryable: error.isRetryable)
      }
    case 301, 302, 303, 307, 308:
      if let location = head.location, !location.isEmpty {
        self = .redirect(location)
      } else {
        self = refused(.portalError, "HTTP \(status) without a Location")
      }
    case 401, 403, 451:
      // About the page on which all documents are looked up, it is no last word on this one.
      self = refused(
        .restricted, "HTTP \(status): access denied by the portal",
        isRetryable: purpose.isPage)
    case 404, 410: self = Self.missing(status, purpose, refused)
    case 408: self = refused(.timeout, "HTTP 408: the portal timed out")
    case 429: self = refused(.rateLimited, "HTTP 429: too many requests", slowDown: true)
    case 503:
      let kind: ErrorClass = head.retryAfter(now: now) == nil ? .portalError : .rateLimited
      self = refused(kind, "HTTP 503: the portal is overloaded or down", slowDown: true)
    case 500...: self = refused(.portalError, "HTTP \(status)")
    case 400..<500 where !purpose.isPage:
      self = refused(.portalError, "unexpected HTTP status \(status)", isRetryable: false)
    default: self = refused(.portalError, "unexpected HTTP status \(status)")
    }
  }

  /// 404 and 410 are about a document only where that was asked for by its own address.
  private static func missing(
    _ status: Int, _ purpose: Purpose,
    _ refused: (ErrorClass, String, _ slowDown: Bool, _ isRetryable: Bool?) -> ResponseVerdict
  ) -> ResponseVerdict {
    switch purpose {
    case .document:
      refused(.absent, "HTTP \(status): the portal does not have it", false, nil)
    case .image:
      refused(
        .portalError, "HTTP \(status) for an image that the look-up listed", false, nil)
    case .page, .action:
      refused(.portalError, "HTTP \(status): the look-up page does not exist", false, nil)
    }
  }

  private static func judge(
    _ body: Body, _ title: @autoclosure () -> String, _ purpose: Purpose
  ) -> ResponseVerdict {
    func refused(_ kind: ErrorClass, _ message: String) -> ResponseVerdict {
      .refused(RecordError(kind, message), slowDown: kind == .rateLimited, retryAfter: nil)
    }
    switch (body, purpose) {
    case (.page(let pageClass?), _):
      return refused(
        pageClass, "the portal returned a \(pageClass.rawValue) page: \(Format.quoted(title()))")
    case (.pdf(nil), _), (.image, _), (.page(nil), .page), (_, .action): return .accepted
    case (.pdf(let defect?), _): return refused(.badPDF, "cannot read the PDF: \(defect)")
    case (.other(let name, let isPassing), _):
      let error = RecordError(.notPDF, "expected a PDF, got \(name)", isRetryable: isPassing)
      return .refused(error, slowDown: false, retryAfter: nil)
    case (.broken(let why), _):
      return refused(.portalError, "cannot read the body: \(why)")
    case (.empty, .document), (.empty, .image):
      return refused(.badPDF, "expected a PDF, got an empty body")
    case (.empty, .page): return refused(.portalError, "the look-up returned an empty page")
    case (.page(nil), .document), (.page(nil), .image):
      return refused(.portalError, "expected a PDF, got a page: \(Format.quoted(title()))")
    }
  }
}

extension ResponseVerdict: CustomStringConvertible {
  /// For people.
  var description: String {
    switch self {
    case .accepted: "accepted"
    case .redirect(let link): "redirected to \(SecretRedactor.setting(link))"
    case .refused(let error, _, _): "\(error.kind.rawValue): \(error.message)"
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
