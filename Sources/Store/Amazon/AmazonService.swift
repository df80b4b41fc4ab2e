import Common
import Crypto
import HTTP
import Logging
import Synchronization

/// The S3 protocol for one bucket: addresses, signatures, and what answers mean.
struct AmazonService: Sendable {
  let bucket: BucketURL
  let gate: StoreGate
  var settings: StoreSettings { gate.settings }
  private let endpoint: AmazonEndpoint
  private let credentials: LiveCredentials<AmazonCredentials>
  private let connections = Connections()
  /// Whether it is Amazon's own.
  var isAmazons: Bool { endpoint.isAmazons }
  /// Where requests are signed for.
  var region: String { endpoint.region }
  /// Who we are, for people.
  var identityName: String { credentials.name }

  /// The service that environment and profile name: Amazon's, or a compatible one.
  init(_ bucket: BucketURL, _ settings: StoreSettings) throws(Fatal) {
    let profiles = try AmazonProfiles.load(settings.variable)
    self.bucket = bucket
    gate = StoreGate(bucket.root, settings)
    endpoint = try AmazonEndpoint(bucket.bucket, settings.variable, profiles)
    let identity = try AmazonIdentity(variable: settings.variable, profiles: profiles).find()
    credentials = LiveCredentials(identity, gate)
  }

  /// A request for an object, before it is signed.
  struct Operation: Sendable {
    var method: String
    var name: String
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var body = RequestBody()
    /// SHA-256 of the body; that of nothing by default.
    var bodySHA256 = Digest.sha256([])
    /// Whether the body of a good answer is digested, and not kept.
    var isDigesting = false
  }

  /// Sends one request once, signed for this moment. A refusal without a body, as that of every HEAD is,
  /// is asked for again by GET, which has the reason.
  func send(_ operation: Operation) throws -> RequestResult {
    let outcome = try exchange(operation)
    return outcome.lacksWords ? try askAgain(operation, after: outcome) : outcome
  }

  private func exchange(_ operation: Operation) throws -> RequestResult {
    let name = bucket.url(ofName: operation.name)
    let path = AmazonSigner.encodedPath(endpoint.root + operation.name)
    let (host, region) = (endpoint.host, endpoint.region)
    let credentials = try credentials.current()
    let query = AmazonSigner.encoded(operation.query)
    guard
      let url = WebURL("\(endpoint.scheme)://\(host)\(path)" + (query.isEmpty ? "" : "?\(query)"))
    else { throw RecordError(.storeRejected, "no URL can be made of \(Format.quoted(name))") }
    var request = Request(url)
    request.method = operation.method
    request.body = operation.body
    request.headers = AmazonSigner(credentials: credentials, region: region).headers(
      for: AmazonSigner.Subject(
        method: operation.method, host: host, path: path, query: operation.query,
        headers: operation.headers + payer, bodySHA256: operation.bodySHA256),
      at: AmazonSigner.time(Time.wall()))
    let answer: StoreResponse
    do throws(TransferError) {
      answer = try connections.send(request, digesting: operation.isDigesting)
    } catch {
      return .failure(try RetryableFailure(error, name))
    }
    let error = AmazonError(answer)
    if let failure = try another(error, answer, after: credentials, region) {
      return .failure(failure)
    }
    return RequestResult(
      answer, error.responseClass, words: words(answer, credentials.sessionToken))
  }

  /// Where the same request may do with other credentials, or in another region: once for each.
  private func another(
    _ error: AmazonError, _ answer: StoreResponse, after credentials: AmazonCredentials,
    _ region: String
  ) throws -> RetryableFailure? {
    switch error.responseClass {
    case .storeWide(.expired), .storeWide(.unknownKey):
      guard try self.credentials.replaced(credentials) else { return nil }
    case .storeWide(.region):
      guard let named = error.region, named != region else { return nil }
      // Another thread may have been quicker.
      if endpoint.move(to: named) {
        settings.logger.notice(
          "\(bucket.root) is in the region \(named), not \(region): going on there. Set AWS_REGION=\(named)"
        )
      }
    default: return nil
    }
    return RetryableFailure(
      reason: words(answer, credentials.sessionToken), isUnauthorized: true)
  }

  /// That the account of these credentials pays for requests (GDAL's variable; aws has --request-payer, rclone
  /// --s3-requester-pays).
  /// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ObjectsinRequesterPaysBuckets.html
  private var payer: [(name: String, value: String)] {
    settings.variable("AWS_REQUEST_PAYER") == "requester"
      ? [("x-amz-request-payer", "requester")] : []
  }

  /// What a GET says of the same object, or of the bucket. Where a HEAD was refused by something on the way,
  /// it answers instead.
  private func askAgain(_ operation: Operation, after first: RequestResult) throws -> RequestResult
  {
    var question = Operation(method: "GET", name: operation.name)
    question.isDigesting = true
    if operation.name.isEmpty {
      question.query = [("list-type", "2"), ("max-keys", "1")]
    } else {
      question.headers = [Self.firstByte]
    }
    let second = try exchange(question)
    switch second {
    case .failure: return second
    case .answer(_, .success), .answer(_, .absent):
      return operation.method == "HEAD" ? second : first
    case .answer(let answer, _), .refusal(let answer, _, _):
      return answer.body.isEmpty ? first : second
    }
  }

  /// Of an object, a GET shall bring what a HEAD does, and no more.
  static let firstByte = (name: "Range", value: "bytes=0-0")

  /// An answer in the store's words.
  func words(_ answer: StoreResponse, _ token: Secret? = nil) -> String {
    // Only these two: an error about a signature also repeats what was signed.
    let error = AmazonError(answer)
    let text = [error.code, error.message].filter { !$0.isEmpty }.joined(separator: ": ")
    guard !text.isEmpty else {
      return "\(answer.status) "
        + (answer.isPage && answer.status == 413 ? StoreResponse.proxyLimit : "without a reason")
    }
    let hidden = (token ?? credentials.held?.sessionToken)?.hidden(in: text) ?? text
    return "\(answer.status) \(Format.quoted(hidden, limit: 200))"
  }
}

/// What the workers of a run have learnt together about how a store reads `If-Match`.
final class AmazonQuirks: Sendable {
  private let wantsBareETags = Atomic<Bool>(false)

  /// An ETag as the store is told it: in quotes (RFC 9110, section 8.8.3), unless it took one without.
  func form(of etag: String) -> String {
    wantsBareETags.load(ordering: .relaxed) ? etag : Self.inQuotes(etag)
  }

  /// The form that was not tried. What other workers learnt meanwhile does not count: they may have settled on it.
  func form(besides tried: String, of etag: String) -> String {
    tried == etag ? Self.inQuotes(etag) : etag
  }

  /// The store took that form.
  func settle(on form: String, for etag: String) {
    wantsBareETags.store(form == etag, ordering: .relaxed)
  }

  private static func inQuotes(_ etag: String) -> String { "\"\(etag)\"" }
}
