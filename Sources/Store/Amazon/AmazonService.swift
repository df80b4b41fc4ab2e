import Common
import Digest
import Transfer

/// The S3 protocol for one bucket: addresses, signatures, and what answers mean.
struct AmazonService: Sendable {
  let bucket: BucketURL
  let settings: StoreSettings
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
        .configuration, "AWS_ENDPOINT_URL is no http or https URL of a host: \(Format.quoted(base))"
      )
    }
    let usualPort = url.scheme == "https" ? 443 : 80
    self.bucket = bucket
    self.settings = settings
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
  struct Errand: Sendable {
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

  /// Sends one request once, signed for this moment.
  func send(_ errand: Errand) throws -> Outcome {
    let name = bucket.url(ofName: errand.name)
    let path = AmazonSigner.encodedPath(root + errand.name)
    let query = AmazonSigner.encoded(errand.query)
    guard let url = WebURL("\(scheme)://\(host)\(path)" + (query.isEmpty ? "" : "?\(query)"))
    else { throw RecordError(.storeRejected, "no URL can be made of \(Format.quoted(name))") }
    var request = Request(url)
    request.method = errand.method
    request.body = errand.body
    request.headers = signer.headers(
      for: AmazonSigner.Subject(
        method: errand.method, host: host, path: path, query: errand.query,
        headers: errand.headers, bodySHA256: errand.bodySHA256),
      at: AmazonSigner.time(Time.wall()))
    let answer: Answer
    do throws(TransferError) {
      answer = try connections.send(request, digesting: errand.isDigesting)
    } catch {
      return .setback(try Setback(error, name))
    }
    let meaning = meaning(of: answer)
    return meaning == .again
      ? .setback(Setback(answer, explanation(answer))) : .answer(answer, meaning)
  }

  /// Completing a multipart upload can fail after its 200 was sent, with the error in the body.
  private func meaning(of answer: Answer) -> Meaning {
    let xml = XMLText(answer.body)
    let code = xml.first("Code") ?? ""
    let isLateError = answer.status == 200 && !code.isEmpty
    return Meaning(status: isLateError ? 500 : answer.status, code: code)
  }

  /// The error behind an answer that ends an errand.
  func failure(_ reply: Reply, _ errand: String, _ purpose: Purpose) -> any Error {
    let answer = reply.answer
    let words = "\(errand): \(explanation(answer))"
    switch reply.meaning {
    case .forbidden, .unauthorized:
      let rights =
        switch purpose {
        case .objects: "s3:GetObject, s3:PutObject and s3:ListBucket"
        case .bucket: "s3:ListBucket, s3:CreateBucket and s3:PutLifecycleConfiguration"
        }
      return Fatal(
        .permission,
        "\(words): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that "
          + "they may do \(rights) on \(bucket.root)")
    case .noBucket:
      return Fatal(
        .unavailable,
        "\(errand): there is no bucket \(bucket.root): correct the URL, or make it (--create-bucket)"
      )
    case .elsewhere:
      let region = answer.head.header("x-amz-bucket-region") ?? XMLText(answer.body).first("Region")
      return Fatal(
        .unavailable,
        "\(words): set AWS_REGION to the bucket's region" + (region.map { ", \($0)" } ?? ""))
    case .damaged:
      return RecordError(
        .storeRejected, "\(words): what arrived is not what was sent", isRetryable: true)
    case .absent:
      return RecordError(
        .storeUnavailable, "\(words): what was to be replaced or completed is gone")
    case .success, .incomplete, .changed, .again, .refused:
      return RecordError(.storeRejected, words)
    }
  }

  private func explanation(_ answer: Answer) -> String {
    // Only these two: an error about a signature also repeats what was signed.
    let xml = XMLText(answer.body)
    let words = [xml.first("Code"), xml.first("Message")].compactMap(\.self)
    let text = words.joined(separator: ": ")
    let hidden = signer.credentials.sessionToken?.hidden(in: text) ?? text
    return "\(answer.status) \(Format.quoted(hidden, limit: 200))"
  }
}
