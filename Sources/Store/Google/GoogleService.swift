import Common
import Transfer

/// Google's JSON API for one bucket: addresses, tokens, and what answers mean.
struct GoogleService: Sendable {
  let bucket: BucketURL
  let settings: StoreSettings
  private let base: String
  private let connections: Connections
  private let tokens: Tokens

  /// The service that the environment names: Google's, or an emulator without credentials.
  init(_ bucket: BucketURL, _ settings: StoreSettings) throws(Fatal) {
    guard let host = settings.variable("STORAGE_EMULATOR_HOST") else {
      try self.init(
        bucket, settings, base: "https://storage.googleapis.com", try TokenSource(settings))
      return
    }
    try self.init(bucket, settings, base: host.contains("://") ? host : "http://\(host)", .none)
  }

  init(
    _ bucket: BucketURL, _ settings: StoreSettings, base: String, _ source: TokenSource
  ) throws(Fatal) {
    let base = base.hasSuffix("/") ? String(base.dropLast()) : base
    guard WebURL(base) != nil else {
      throw Fatal(
        .configuration, "STORAGE_EMULATOR_HOST is no http or https URL: \(Format.quoted(base))")
    }
    self.bucket = bucket
    self.settings = settings
    self.base = base
    connections = Connections()
    tokens = Tokens(source, connections, settings)
  }

  /// The URL of an object's description.
  func url(ofObject name: String) throws -> WebURL {
    try url("/storage/v1/b/\(bucket.bucket)/o/\(Format.percentEncoded(name))")
  }

  /// The URL that new content is sent to: only if the object is now of this generation, `0` for none.
  func url(ofUpload type: String, _ name: String, generation: String) throws -> WebURL {
    try url(
      "/upload/storage/v1/b/\(bucket.bucket)/o?uploadType=\(type)"
        + "&name=\(Format.percentEncoded(name))&ifGenerationMatch=\(generation)")
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

  private func url(_ path: String) throws -> WebURL {
    guard let url = WebURL(base + path) else {
      throw RecordError(.storeRejected, "no URL can be made of \(Format.quoted(path))")
    }
    return url
  }

  /// Sends one request once. A token goes to the service itself and to nobody else.
  func send(
    _ request: Request, for errand: String, digesting: Bool = false
  ) throws -> Outcome {
    let isOurs = WebURL(base).map { request.url.origin == $0.origin } ?? false
    let token = isOurs ? try tokens.current() : nil
    var request = request
    if let token { request.headers.append(("Authorization", "Bearer \(token.reveal())")) }
    let answer: Answer
    do throws(TransferError) {
      answer = try connections.send(request, digesting: digesting)
    } catch {
      return .setback(try Setback(error, errand))
    }
    let error = GoogleError(answer.status < 300 ? [] : answer.body)
    let meaning = Meaning(status: answer.status, code: error.code)
    let words = "\(answer.status) \(explanation(answer, token))"
    switch meaning {
    case .again: return .setback(Setback(answer, words))
    case .unauthorized:
      tokens.refused(token)
      return .setback(Setback(reason: words, isUnauthorized: true))
    default: return .answer(answer, meaning)
    }
  }

  /// Sends one request as often as it takes: only for those that may be sent again.
  func ask(
    _ patience: inout Patience, for errand: String, digesting: Bool = false,
    _ request: () throws -> Request
  ) throws -> (answer: Answer, meaning: Meaning) {
    while true {
      switch try send(try request(), for: errand, digesting: digesting) {
      case .answer(let answer, let meaning): return (answer, meaning)
      case .setback(let setback): try patience.endure(setback)
      }
    }
  }

  /// The error behind an answer that ends an errand.
  func failure(_ answer: Answer, _ meaning: Meaning, _ errand: String) -> any Error {
    let words = "\(answer.status) \(explanation(answer, nil))"
    switch meaning {
    case .forbidden, .unauthorized:
      return Fatal(
        .permission,
        "\(errand): \(words): give the account the role Storage Object User "
          + "(roles/storage.objectUser) on \(bucket.root)")
    case .noBucket, .absent:
      return Fatal(
        .unavailable, "\(errand): there is no bucket \(bucket.root): make it, or correct the URL")
    case .elsewhere:
      return Fatal(.unavailable, "\(errand): \(words): this is not Google's storage service")
    case .damaged:
      return RecordError(
        .storeRejected, "\(errand): what arrived is not what was sent: \(words)",
        isRetryable: true)
    case .success, .incomplete, .changed, .again, .refused:
      return RecordError(.storeRejected, "\(errand): \(words)")
    }
  }

  private func explanation(_ answer: Answer, _ token: Secret?) -> String {
    let message = GoogleError(answer.body).message
    return Format.quoted(token?.hidden(in: message) ?? message, limit: 200)
  }
}
