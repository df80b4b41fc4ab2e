import Common

/// An error as Google's JSON API words it.
/// https://cloud.google.com/storage/docs/json_api/v1/status-codes
struct GoogleError: Sendable, Equatable {
  let status: Int
  /// `reason`; empty where there is none.
  let reason: String
  /// For people.
  let message: String
  private let isPage: Bool

  init(_ answer: StoreResponse) {
    let body = answer.body
    let json = body.isEmpty ? .null : (try? JSON(parsing: body)) ?? .null
    let error = json["error"]
    let xml = XMLText(body)
    status = answer.status
    isPage = answer.isPage
    // The token endpoint has an error of its own form (RFC 6749, section 5.2), and uploads may be
    // answered in the words of the XML API.
    message =
      isPage && status == 413
      ? StoreResponse.proxyLimit
      : error?["message"]?.string ?? json["error_description"]?.string ?? error?.string
        ?? xml.first("Details") ?? xml.first("Message")
        ?? String(decoding: body.prefix(200), as: UTF8.self)
    let detail = error?["details"]?.array?.compactMap { $0["reason"]?.string }.first
    reason =
      error?["errors"]?.array?.first?["reason"]?.string ?? detail ?? xml.first("Code") ?? ""
  }

  /// What it asks for.
  var responseClass: ResponseClass {
    if isPage, status < 500 { return StoreResponse.class(ofPage: status) }
    if status < 300 { return .success }
    // These have to be told apart and have no word of their own, only a sentence.
    if message.contains("match calculated") { return .damaged }
    if message.contains("bucket does not exist") { return .noBucket }
    if isAboutHeldObject { return .held }
    let name = Self.lowercasedFirst(reason)
    if name.hasPrefix("cloudKms") { return .refused(.encryptionKey) }
    if status == 400, message.lowercased().contains("storage class") {
      return .storeWide(.storageClass)
    }
    if status == 400, message.lowercased().contains("requester pays") {
      return .storeWide(.requesterPays)
    }
    if status == 403, message.contains("billing") { return .refused(.account) }
    if message.contains("violates constraint") { return .refused(.policy) }
    if let known = Self.classes[name] { return known }
    return status == 401 ? .unauthorized : ResponseClass(status: status)
  }

  /// A hold is told as `forbidden` with a sentence, a retention period by its name; both name the object.
  private var isAboutHeldObject: Bool {
    let isRetention =
      ["retentionPolicyNotMet", "RetentionPolicyNotMet"].contains(reason)
      && !message.hasPrefix("Bucket ")
    return isRetention || ["objectUnderActiveHold", "ObjectUnderActiveHold"].contains(reason)
      || message.contains("is under active ") && message.contains(" hold ")
      || message.contains("is subject to bucket's retention policy")
  }

  /// The JSON API begins a reason with a small letter, mostly; the XML API with a capital.
  private static func lowercasedFirst(_ text: String) -> String {
    let isWord = text.contains(where: \.isLowercase)
    return isWord ? text.prefix(1).lowercased() + text.dropFirst() : text
  }

  private static let classes: [String: ResponseClass] = [
    "rateLimitExceeded": .retry, "userRateLimitExceeded": .retry, "backendError": .retry,
    "internalError": .retry, "slowDown": .retry, "RATE_LIMIT_EXCEEDED": .retry,
    "usageLimits.rateLimitExceeded": .retry, "uploadBrokenConnection": .retry,
    "conflict": .changed, "conditionNotMet": .changed, "preconditionFailed": .changed,
    "uploadTooLarge": .unfit,
    "noSuchBucket": .noBucket,
    "forbidden": .refused(.permission), "insufficientPermissions": .refused(.permission),
    "accessDenied": .refused(.permission),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": .refused(.permission),
    "accountDisabled": .refused(.account), "userProjectAccountProblem": .refused(.account),
    "userProjectAccessDenied": .refused(.account), "BILLING_DISABLED": .refused(.account),
    "billingDisabled": .refused(.account), "CONSUMER_SUSPENDED": .refused(.account),
    "CONSUMER_INVALID": .refused(.account), "accessNotConfigured": .refused(.account),
    "usageLimits.accessNotConfigured": .refused(.account), "SERVICE_DISABLED": .refused(.account),
    "countryBlocked": .refused(.policy), "orgPolicyConstraintFailed": .refused(.policy),
    "ORG_RESTRICTION_VIOLATION": .refused(.policy), "SECURITY_POLICY_VIOLATED": .refused(.policy),
    "vpcServiceControls": .refused(.policy),
    "quotaExceeded": .refused(.quota), "dailyLimitExceeded": .refused(.quota),
    "RESOURCE_QUOTA_EXCEEDED": .refused(.quota),
    "userProjectMissing": .storeWide(.requesterPays),
    "authenticationRequiredRequesterPays": .storeWide(.requesterPays),
    "userProjectInvalid": .storeWide(.requesterPays),
    "sslRequired": .storeWide(.region), "notUpload": .storeWide(.region),
    "wrongUrlForUpload": .storeWide(.region), "turnedDown": .storeWide(.region),
  ]
}

/// What to do about a refusal of Google Cloud Storage.
extension GoogleService {
  func advice(_ cause: StoreCause, _ answer: StoreResponse, _ purpose: Purpose) -> String {
    switch cause {
    case .expired, .unknownKey, .wrongSecret:
      "check \(identityName ?? "the credentials")"
    case .clock:
      "this machine's clock is wrong\(ClockSkew(answer).map { " (\($0))" } ?? ""). Set it, for "
        + "instance with timedatectl set-ntp true, then run the same command again"
    case .permission:
      switch purpose {
      case .objects:
        "give the account the role Storage Object User (roles/storage.objectUser) on \(bucket.root)"
      case .bucket:
        "give the account the role Storage Admin (roles/storage.admin) on the project, or make the "
          + "bucket"
      }
    case .account:
      "the project or its billing account cannot be used as it is. Look into the Google Cloud console "
        + "for a suspension, a disabled service or an unpaid bill"
    case .requesterPays:
      "the bucket makes the requester pay. Name a project that pays in GOOGLE_CLOUD_QUOTA_PROJECT"
    case .quota: "a quota is reached. Raise it, or wait, then run the same command again"
    case .encryptionKey:
      "the Cloud KMS key of the bucket cannot be used. Enable it, and let the service agent of Cloud "
        + "Storage use it"
    case .policy:
      "a policy of the organization forbids it. Ask its administrator"
    case .storageClass:
      "there is no storage class\(settings.storageClass.map { " \($0)" } ?? ""). Correct "
        + "--storage-class (STANDARD, NEARLINE, COLDLINE, ARCHIVE), or leave it out"
    case .preconditions, .notImplemented:
      "the store does not know something that was asked for. Try upload check with --preconditions "
        + "off"
    case .region, .foreign:
      "this is not an answer of Google's storage service. Check STORAGE_EMULATOR_HOST, a proxy, and "
        + "whether the network wants a log-in"
    case .unknown: "no document is to blame. Check the store with upload check"
    }
  }
}
