import Common
import HTTP

/// Google's JSON API for one bucket: addresses, tokens, and what answers mean.
struct GoogleService: Sendable {
  let bucket: BucketURL
  let gate: StoreGate
  var settings: StoreSettings { gate.settings }
  private static let googles = "https://storage.googleapis.com"
  private let base: String
  private let origin: String
  /// Whether it is Google's own, and no emulator.
  var isGoogles: Bool { base == Self.googles }
  private let connections: Connections
  /// `nil` for an emulator, which is asked without.
  private let tokens: LiveCredentials<Secret>?
  private let identity: GoogleIdentity?

  /// The service that the environment names: Google's, or an emulator without credentials.
  init(_ bucket: BucketURL, _ settings: StoreSettings) throws(Fatal) {
    guard let host = settings.variable("STORAGE_EMULATOR_HOST") else {
      try self.init(
        bucket, settings, base: Self.googles, try GoogleIdentity.find(settings))
      return
    }
    try self.init(bucket, settings, base: host.contains("://") ? host : "http://\(host)", nil)
  }

  init(
    _ bucket: BucketURL, _ settings: StoreSettings, base: String, _ identity: GoogleIdentity?
  ) throws(Fatal) {
    let base = base.hasSuffix("/") ? String(base.dropLast()) : base
    guard let url = WebURL(base) else {
      throw Fatal(
        .configuration,
        "STORAGE_EMULATOR_HOST is no http or https URL: \(SecretRedactor.refused(base))")
    }
    guard !url.hasCredentials else {
      throw Fatal(
        .configuration,
        "STORAGE_EMULATOR_HOST has a user or a password in it: \(SecretRedactor.refused(base)). Emulators need none"
      )
    }
    self.bucket = bucket
    gate = StoreGate(bucket.root, settings)
    self.base = base
    origin = url.origin
    connections = Connections()
    let gate = gate
    self.identity = identity
    tokens = identity.map { LiveCredentials($0.source, gate) }
  }

  /// The URL of an object's description: whatever it is, or only if it is of this generation.
  func url(ofObject name: String, generation: String? = nil) throws -> WebURL {
    try url(
      "/storage/v1/b/\(bucket.bucket)/o/\(Format.percentEncoded(name))"
        + (generation.map { "?ifGenerationMatch=\($0)" } ?? ""))
  }

  /// The URL of the bucket's description.
  func urlOfBucket() throws -> WebURL { try url("/storage/v1/b/\(bucket.bucket)?fields=name") }

  /// The URL that new buckets are asked for at.
  func url(ofBucketsOf project: String) throws -> WebURL {
    try url("/storage/v1/b?project=\(Format.percentEncoded(project))")
  }

  /// The project that a new bucket would belong to.
  func project() throws(Fatal) -> String {
    if let name = settings.variable("GOOGLE_CLOUD_PROJECT") ?? identity?.project { return name }
    throw Fatal(
      .configuration,
      "a new bucket has to belong to a project: name it in GOOGLE_CLOUD_PROJECT")
  }

  /// The URL that new content is sent to: only if the object is now of this generation, `0`
  /// for none, or whatever is there.
  func url(ofUpload type: String, _ name: String, generation: String?) throws -> WebURL {
    try url(
      "/upload/storage/v1/b/\(bucket.bucket)/o?uploadType=\(type)"
        + "&name=\(Format.percentEncoded(name))"
        + (generation.map { "&ifGenerationMatch=\($0)" } ?? ""))
  }

  /// The URL of an object's bytes.
  func url(ofContent name: String) throws -> WebURL {
    try url("/storage/v1/b/\(bucket.bucket)/o/\(Format.percentEncoded(name))?alt=media")
  }

  /// The URL of a page of the bucket's listing.
  func url(ofListing query: [(name: String, value: String)]) throws -> WebURL {
    let query = query.map { "\($0.name)=\(Format.percentEncoded($0.value))" }
    return try url("/storage/v1/b/\(bucket.bucket)/o?\(query.joined(separator: "&"))")
  }

  private var payer: String? {
    (identity?.quotaProject ?? settings.variable("GOOGLE_CLOUD_QUOTA_PROJECT"))
      .map(Format.percentEncoded)
  }

  /// Who we are, for people; `nil` where it is asked without credentials.
  var identityName: String? { tokens?.name }

  /// With the project that pays where the requester does.
  /// https://cloud.google.com/storage/docs/requester-pays#using
  private func url(_ path: String) throws -> WebURL {
    let payer = payer.map { "\(path.contains("?") ? "&" : "?")userProject=\($0)" } ?? ""
    guard let url = WebURL(base + path + payer) else {
      throw RecordError(.storeRejected, "no URL can be made of \(Format.quoted(path))")
    }
    return url
  }

  /// Sends one request once. A token goes to the service itself and to no other server.
  func send(
    _ request: Request, for operation: String, digesting: Bool = false
  ) throws -> RequestResult {
    let token = request.url.origin == origin ? try tokens?.current() : nil
    var request = request
    if let token { request.headers.append(("Authorization", "Bearer \(token.reveal())")) }
    let answer: StoreResponse
    do throws(TransferError) {
      answer = try connections.send(request, digesting: digesting)
    } catch {
      return .failure(try RetryableFailure(error, operation))
    }
    let kind = GoogleError(answer).responseClass
    guard kind == .unauthorized else {
      return RequestResult(answer, kind, words: words(answer, token))
    }
    if let token { tokens?.refused(token) }
    return .failure(RetryableFailure(reason: words(answer, token), isUnauthorized: true))
  }

  /// An answer in the store's words.
  func words(_ answer: StoreResponse, _ token: Secret?) -> String {
    let message = GoogleError(answer).message
    guard !message.isEmpty else { return "\(answer.status) without a reason" }
    return "\(answer.status) \(Format.quoted(token?.hidden(in: message) ?? message, limit: 300))"
  }
}
