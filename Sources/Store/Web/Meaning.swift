/// What a store's answer asks of us: a function of its status and of its own word for the error.
enum Meaning: Sendable, Equatable {
  /// Done.
  case success
  /// The resumable upload goes on (308 of Google's JSON API).
  case incomplete
  /// Nothing is there.
  case absent
  /// There is no such bucket.
  case noBucket
  /// The object is not as the precondition had it.
  case changed
  /// Trouble that passes: the same request may be sent again.
  case again
  /// The token has ended.
  case unauthorized
  /// We may not.
  case forbidden
  /// The bucket answers elsewhere: a wrong region or endpoint.
  case elsewhere
  /// What arrived is not what the checksum is of.
  case damaged
  /// The store does not take it, and would not the next time.
  case refused

  /// - Parameters:
  ///   - status: the status code.
  ///   - code: `reason` of Google's errors, `Code` of S3's; empty where there is none.
  init(status: Int, code: String) {
    // A word says more than the number that it comes with.
    if let meaning = Self.words[code], status >= 300 {
      self = meaning
      return
    }
    switch status {
    case 200..<300: self = .success
    case 308: self = .incomplete
    case 300..<400: self = .elsewhere
    case 401: self = .unauthorized
    case 403: self = .forbidden
    case 404, 410: self = .absent
    case 412: self = .changed
    // https://cloud.google.com/storage/docs/retry-strategy; 409 is S3's "conflicting operation is
    // under way"; 499 is a proxy's word for a client that it believes to be gone.
    case 408, 409, 429, 499, 500...: self = .again
    default: self = .refused
    }
  }

  private static let words: [String: Meaning] = [
    // Google: https://cloud.google.com/storage/docs/json_api/v1/status-codes
    "rateLimitExceeded": .again, "userRateLimitExceeded": .again, "backendError": .again,
    "checksumMismatch": .damaged, "noSuchBucket": .noBucket,
    "conflict": .changed,
    // S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "SlowDown": .again, "RequestTimeout": .again, "InternalError": .again,
    "ServiceUnavailable": .again, "ConditionalRequestConflict": .again,
    "OperationAborted": .again, "PreconditionFailed": .changed, "NoSuchBucket": .noBucket,
    "BadDigest": .damaged, "XAmzContentSHA256Mismatch": .damaged,
    "ExpiredToken": .forbidden, "InvalidToken": .forbidden,
    "BucketAlreadyOwnedByYou": .changed, "BucketAlreadyExists": .changed,
    "NotImplemented": .refused,
    "AuthorizationHeaderMalformed": .elsewhere, "PermanentRedirect": .elsewhere,
  ]
}
