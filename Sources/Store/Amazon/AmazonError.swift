import Common
import HTTP

/// An error of S3, or of a store that speaks its protocol.
/// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; what Ceph, MinIO, R2 and B2 say
/// instead is beside it.
struct AmazonError: Sendable, Equatable {
  let status: Int
  /// `Code`; empty where there is none.
  let code: String
  /// `Message`, for people.
  let message: String
  /// The header field that the store does not know, where it names one.
  let header: String?
  /// The region that the bucket is in, where the store names it.
  let region: String?
  private let isPage: Bool

  init(_ answer: StoreResponse) {
    let xml = XMLText(answer.body)
    let code = xml.first("Code") ?? ""
    let message = xml.first("Message") ?? ""
    // Completing an upload in parts can fail after its 200 was sent, with the error in the body.
    status = answer.status == 200 && !code.isEmpty ? 500 : answer.status
    self.code = code
    self.message = message
    header = xml.first("Header") ?? Self.quoted(in: message, behind: "Header '")
    region =
      answer.head.header("x-amz-bucket-region") ?? xml.first("Region")
      ?? Self.quoted(in: message, behind: "expecting '")
    isPage = code.isEmpty && answer.isPage
  }

  /// What it asks for.
  var responseClass: ResponseClass {
    if isPage, status < 500 { return StoreResponse.class(ofPage: status) }
    if status < 300 { return .success }
    // Object lock has a code of its own nowhere: AccessDenied at Amazon, InvalidRequest at MinIO.
    if isAboutHeldObject { return .held }
    if code.hasPrefix("KMS.") { return .refused(.encryptionKey) }
    if isAboutPrecondition { return .storeWide(.preconditions) }
    if isAboutStorageClass { return .storeWide(.storageClass) }
    if isAboutCap { return .refused(.quota) }
    return Self.classes[code] ?? ResponseClass(status: status)
  }

  private var isAboutHeldObject: Bool {
    guard status == 400 || status == 403 || status == 409 else { return false }
    return Self.codesOfHeld.contains(code)
      || ["protected by object lock", "WORM protected", "under legal hold", "under retention"]
        .contains { message.contains($0) }
  }

  private var isAboutPrecondition: Bool {
    let isRefusal = status == 501 || code == "NotImplemented" || code == "InvalidArgument"
    return isRefusal && [header ?? "", message].contains { Self.mentionsPrecondition($0) }
  }

  private static func mentionsPrecondition(_ text: String) -> Bool {
    let text = text.lowercased()
    return text.contains("if-none-match") || text.contains("if-match") || text.contains("condition")
  }

  private var isAboutStorageClass: Bool {
    code == "InvalidStorageClass"
      || status < 500 && message.lowercased().contains("storage class")
        && code != "InvalidObjectState"
      || (header ?? message).lowercased().contains("x-amz-storage-class")
  }

  /// Backblaze says AccessDenied where a limit that the customer set is reached.
  private var isAboutCap: Bool { code == "AccessDenied" && message.contains("cap exceeded") }

  private static func quoted(in text: String, behind start: String) -> String? {
    guard let from = text.firstRange(of: start)?.upperBound else { return nil }
    let value = text[from...].prefix { $0 != "'" }
    return value.isEmpty ? nil : String(value)
  }

  private static let codesOfHeld: Set<String> = [
    "ObjectLocked", "ObjectUnderRetention", "ObjectUnderLegalHold",
  ]

  private static let classes: [String: ResponseClass] = [
    "SlowDown": .retry, "RequestTimeout": .retry, "InternalError": .retry,
    "ServiceUnavailable": .retry, "ConditionalRequestConflict": .retry,
    "OperationAborted": .retry, "IncompleteBody": .retry, "TooManyRequests": .retry,
    "RequestLimitExceeded": .retry, "Throttling": .retry, "ThrottlingException": .retry,
    "PreconditionFailed": .changed, "BucketAlreadyOwnedByYou": .changed,
    "BucketAlreadyExists": .changed,
    "NoSuchKey": .absent, "NoSuchUpload": .absent, "InvalidPart": .absent,
    "NoSuchBucket": .noBucket,
    "BadDigest": .damaged, "XAmzContentSHA256Mismatch": .damaged,
    "KeyTooLongError": .unfit, "MetadataTooLarge": .unfit, "EntityTooLarge": .unfit,
    "InvalidURI": .unfit, "InvalidObjectState": .unfit, "XMinioInvalidObjectName": .unfit,
    "XMinioParentIsObject": .unfit, "InvalidObjectName": .unfit,
    "ExpiredToken": .storeWide(.expired), "ExpiredTokenException": .storeWide(.expired),
    "TokenRefreshRequired": .storeWide(.expired),
    "InvalidAccessKeyId": .storeWide(.unknownKey), "InvalidToken": .storeWide(.unknownKey),
    "InvalidSecurity": .storeWide(.unknownKey), "InvalidClientTokenId": .storeWide(.unknownKey),
    "UnrecognizedClientException": .storeWide(.unknownKey),
    "RequestTimeTooSkewed": .storeWide(.clock), "RequestExpired": .storeWide(.clock),
    "ExpiredRequest": .storeWide(.clock), "RequestNotYetValid": .storeWide(.clock),
    "AuthorizationHeaderMalformed": .storeWide(.region), "PermanentRedirect": .storeWide(.region),
    "IllegalLocationConstraintException": .storeWide(.region), "Redirect": .storeWide(.region),
    "InvalidRegion": .storeWide(.region), "InvalidLocationConstraint": .storeWide(.region),
    // While the name of a new bucket gets around.
    "TemporaryRedirect": .retry,
    "NotImplemented": .storeWide(.notImplemented),
    "XNotImplemented": .storeWide(.notImplemented),
    // A proxy that writes some names anew is met by those documents alone.
    "SignatureDoesNotMatch": .refused(.wrongSecret),
    "AccessDenied": .refused(.permission), "Unauthorized": .refused(.permission),
    "InvalidPayer": .refused(.account), "AccountProblem": .refused(.account),
    "AllAccessDisabled": .refused(.account), "NotSignedUp": .refused(.account),
    "UserSuspended": .refused(.account), "AccountDisabled": .refused(.account),
    "QuotaExceeded": .refused(.quota), "XMinioStorageFull": .refused(.quota),
    "XMinioAdminBucketQuotaExceeded": .refused(.quota), "ServiceQuotaExceeded": .refused(.quota),
    "InsufficientCapacity": .refused(.quota), "StorageCapExceeded": .refused(.quota),
    "KMSKeyNotFound": .refused(.encryptionKey), "XKMSKeyNotFound": .refused(.encryptionKey),
    "KMSNotConfigured": .refused(.encryptionKey),
  ]
}
