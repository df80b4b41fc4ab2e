/// What went wrong with a document: a closed vocabulary, shared by records, reports and filters.
package enum ErrorClass: String, Sendable, CaseIterable {
  /// The line is not a record.
  case invalidRecord = "invalid_record"
  /// The portal does not have the document: 404, 410, or the look-up found nothing.
  case absent
  /// The portal does not give it to us: 401, 403.
  case restricted
  /// The portal asks us to slow down: 429, or 503 with `Retry-After`.
  case rateLimited = "rate_limited"
  /// The portal is in trouble: 5xx, or a page where a PDF should be.
  case portalError = "portal_error"
  /// No answer, or a broken one: name, connection, TLS, a body cut short.
  case network
  /// No answer within the time allowed.
  case timeout
  /// The body is not a whole PDF.
  case badPDF = "bad_pdf"
  /// The body is something else than a PDF, and the message says what: an image, an archive.
  case notPDF = "not_pdf"
  /// The body is larger than allowed.
  case tooLarge = "too_large"
  /// The URL leads where we do not go.
  case blockedURL = "blocked_url"
  /// The store refuses the object.
  case storeRejected = "store_rejected"
  /// The store has other content under the same key.
  case storeConflict = "store_conflict"
  /// The store keeps what it has under the key: a retention period, a hold, an object lock.
  case storeHeld = "store_held"
  /// The store cannot be reached or has trouble.
  case storeUnavailable = "store_unavailable"
  /// This machine is in trouble: disk full, too many open files.
  case local
  /// Ctrl+C came first.
  case interrupted
  /// A defect of ours.
  case `internal`

  /// Whether another attempt may help.
  package var isRetryable: Bool {
    switch self {
    case .rateLimited, .portalError, .network, .timeout, .badPDF, .storeUnavailable, .local,
      .interrupted, .internal:
      true
    case .invalidRecord, .absent, .restricted, .notPDF, .tooLarge, .blockedURL, .storeRejected,
      .storeConflict, .storeHeld:
      false
    }
  }

  /// Whether it uses up one of the document's attempts. What is nobody's fault but ours, the
  /// store's or the weather's does not (promise P5).
  package var countsAsAttempt: Bool {
    switch self {
    case .rateLimited, .storeUnavailable, .local, .interrupted: false
    default: true
    }
  }
}

/// The error that a record carries to the end of the pipeline.
package struct RecordError: Error, Sendable, Equatable {
  /// The tool that met it.
  package let tool: String
  package let kind: ErrorClass
  /// What was wrong with which document, what was expected, what to do. One line, no secrets.
  package let message: String
  /// Whether another attempt may help.
  package let isRetryable: Bool
  /// Whether it uses up one of the document's attempts.
  package let counts: Bool

  /// An error; `isRetryable` and `counts` follow from its class unless given.
  package init(
    tool: String = "", _ kind: ErrorClass, _ message: String, isRetryable: Bool? = nil,
    counts: Bool? = nil
  ) {
    self.tool = tool
    self.kind = kind
    self.message = Format.printable(SecretRedactor.message(message))
    self.isRetryable = isRetryable ?? kind.isRetryable
    self.counts = counts ?? kind.countsAsAttempt
  }

  /// The same error, met by `tool`.
  package func met(by tool: String) -> RecordError {
    RecordError(tool: tool, kind, message, isRetryable: isRetryable, counts: counts)
  }

  /// The member `error` of a record.
  package var json: JSON {
    .object([
      "tool": .string(tool), "class": .string(kind.rawValue), "message": .string(message),
      "retryable": .bool(isRetryable), "counts": .bool(counts),
    ])
  }

  /// Reads the member `error` of a record, as lenient as a plugin in another language may need: a
  /// class that we do not know is `internal`, and what is missing follows from the class.
  package init(json: JSON) {
    let kind = json["class"]?.string.flatMap(ErrorClass.init) ?? .internal
    self.init(
      tool: json["tool"]?.string ?? "", kind,
      json["message"]?.string ?? json.string ?? "no message",
      isRetryable: json["retryable"]?.bool, counts: json["counts"]?.bool)
  }
}

extension RecordError: CustomStringConvertible {
  /// The message: wherever an error is quoted, it is for people.
  package var description: String { message }
}

extension RecordError {
  /// What a document gets that was not worked on because the run is ending.
  package static let stopped = RecordError(.interrupted, "not worked on: the run was stopped")

  /// Any error, as a record carries it.
  init(describing error: any Error, tool: String) {
    switch error {
    case let error as RecordError: self = error.met(by: tool)
    case let error as Fatal: self.init(tool: tool, .local, error.message)
    default: self.init(tool: tool, .internal, Format.reason(error))
    }
  }
}
