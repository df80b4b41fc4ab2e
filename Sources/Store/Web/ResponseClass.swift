import Common

/// What a store's answer asks for: a function of its status and of the store's own words.
enum ResponseClass: Sendable, Equatable {
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
  case retry
  /// The token has ended.
  case unauthorized
  /// What arrived is not what the checksum is of.
  case damaged
  /// The store keeps this one object as it is: a retention period, a hold, an object lock.
  case held
  /// This document's name, size or metadata are not taken, and would not be the next time.
  case unfit
  /// A refusal that meets every document alike until the operator changes something.
  case storeWide(StoreCause)
  /// A refusal that does not say whom it concerns: ``RefusalLedger`` finds out.
  case refused(StoreCause)

  /// By the status alone, for answers without a word of the store's that says more.
  init(status: Int) {
    switch status {
    case 200..<300: self = .success
    case 308: self = .incomplete
    case 300..<400: self = .storeWide(.region)
    case 401, 403: self = .refused(.permission)
    case 404, 410: self = .absent
    case 412: self = .changed
    case 413: self = .unfit
    case 501: self = .storeWide(.notImplemented)
    case 507: self = .refused(.quota)
    // https://cloud.google.com/storage/docs/retry-strategy; 409 is S3's "conflicting operation is
    // under way"; 499 is a proxy's word for a client that it believes to be gone.
    case 408, 409, 429, 499, 500...: self = .retry
    default: self = .refused(.unknown)
    }
  }

  /// Whether the answer grants what was asked for, or says something about one object: either way the
  /// store works for this kind of request.
  var isGrant: Bool {
    switch self {
    case .success, .incomplete, .absent, .changed, .held, .unfit, .damaged: true
    case .noBucket, .retry, .unauthorized, .storeWide, .refused: false
    }
  }

  /// Whether more words are worth another request, where the answer came without a body.
  var needsWords: Bool {
    switch self {
    case .storeWide, .refused: true
    default: false
    }
  }
}

/// Why a store refuses, as far as it says so.
enum StoreCause: Sendable, Equatable, CaseIterable {
  /// Temporary credentials have ended.
  case expired
  /// The store does not know the access key, or the token that goes with it.
  case unknownKey
  /// The signature does not match the secret key.
  case wrongSecret
  /// This machine's clock and the store's are too far apart.
  case clock
  /// The bucket answers elsewhere: a wrong region or endpoint.
  case region
  /// The account may not.
  case permission
  /// The account is disabled, suspended, or not paid for.
  case account
  /// The requester has to pay, and no project was named for that.
  case requesterPays
  /// No room, or no requests, are left.
  case quota
  /// The key that the bucket encrypts with cannot be used.
  case encryptionKey
  /// A policy of the organization forbids it.
  case policy
  /// The store knows no such storage class.
  case storageClass
  /// The store does not know preconditions, or misjudges them.
  case preconditions
  /// The store does not know something else that was asked for.
  case notImplemented
  /// The answer is not the store's: a proxy, a portal, another service.
  case foreign
  /// The store's words say none of these.
  case unknown

  /// How the run ends that cannot go on for it.
  var exitCode: ToolExit {
    switch self {
    case .expired, .unknownKey, .wrongSecret, .clock, .permission, .account, .policy: .permission
    case .storageClass: .configuration
    case .region, .requesterPays, .quota, .encryptionKey, .preconditions, .notImplemented,
      .foreign, .unknown:
      .unavailable
    }
  }

  /// Whether the store said clearly what it refuses for, so that nothing is gained by asking again where
  /// it never granted anything.
  var isClear: Bool { self != .foreign && self != .unknown }
}
