import Common
import Crypto
import Synchronization
import HTTP

/// The S3 protocol for one bucket: addresses, signatures, and what answers mean.
struct AmazonService: Sendable {
  let bucket: BucketURL
  let gate: StoreGate
  var settings: StoreSettings { gate.settings }
  private let scheme: String
  private let host: String
  /// What comes before an object's name in a path: the bucket, where it is not in the host's name.
  private let root: String
  private let signer: AmazonSigner
  /// Where requests are signed for.
  var region: String { signer.region }
  private let connections: Connections

  /// The service that the environment names: Amazon's, or with `AWS_ENDPOINT_URL` a compatible one.
  init(_ bucket: BucketURL, _ settings: StoreSettings) throws(Fatal) {
    func variable(_ name: String) throws(Fatal) -> String {
      if let value = settings.variable(name) { return value }
      throw Fatal(
        .permission,
        "\(name) is not set: s3:// needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    }
    let region =
      settings.variable("AWS_REGION") ?? settings.variable("AWS_DEFAULT_REGION") ?? "us-east-1"
    let text = settings.variable("AWS_ENDPOINT_URL")
    // Names with a dot do not match the certificate of a host below amazonaws.com.
    let isVirtual = text == nil && !bucket.bucket.contains(".")
    let amazon = "s3.\(region).amazonaws.com"
    let base = text ?? "https://\(isVirtual ? "\(bucket.bucket)." : "")\(amazon)"
    guard let url = WebURL(base), url.description.split(separator: "/").count == 2 else {
      throw Fatal(
        .configuration,
        "AWS_ENDPOINT_URL is no http or https URL of a host: \(SecretRedactor.refused(base))")
    }
    guard !url.hasCredentials else {
      throw Fatal(
        .configuration,
        "AWS_ENDPOINT_URL has a user or a password in it: \(SecretRedactor.refused(base)). Set AWS_ACCESS_KEY_ID and "
          + "AWS_SECRET_ACCESS_KEY instead")
    }
    let usualPort = url.scheme == "https" ? 443 : 80
    self.bucket = bucket
    gate = StoreGate(bucket.root, settings)
    scheme = url.scheme
    host = url.port == usualPort ? url.host : url.origin
    root = isVirtual ? "" : "\(bucket.bucket)/"
    connections = Connections()
    signer = AmazonSigner(
      credentials: AmazonCredentials(
        accessKey: try variable("AWS_ACCESS_KEY_ID"),
        secretKey: Secret(try variable("AWS_SECRET_ACCESS_KEY")),
        sessionToken: settings.variable("AWS_SESSION_TOKEN").map(Secret.init)),
      region: region)
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
    let path = AmazonSigner.encodedPath(root + operation.name)
    let query = AmazonSigner.encoded(operation.query)
    guard let url = WebURL("\(scheme)://\(host)\(path)" + (query.isEmpty ? "" : "?\(query)"))
    else { throw RecordError(.storeRejected, "no URL can be made of \(Format.quoted(name))") }
    var request = Request(url)
    request.method = operation.method
    request.body = operation.body
    request.headers = signer.headers(
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
    return RequestResult(answer, AmazonError(answer).responseClass, words: words(answer))
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
  func words(_ answer: StoreResponse) -> String {
    // Only these two: an error about a signature also repeats what was signed.
    let error = AmazonError(answer)
    let text = [error.code, error.message].filter { !$0.isEmpty }.joined(separator: ": ")
    guard !text.isEmpty else { return "\(answer.status) without a reason" }
    let hidden = signer.credentials.sessionToken?.hidden(in: text) ?? text
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

  /// The form that was not tried.
  func otherForm(of etag: String) -> String {
    wantsBareETags.load(ordering: .relaxed) ? Self.inQuotes(etag) : etag
  }

  /// The store took that form.
  func settle(on form: String, for etag: String) {
    wantsBareETags.store(form == etag, ordering: .relaxed)
  }

  private static func inQuotes(_ etag: String) -> String { "\"\(etag)\"" }
}
