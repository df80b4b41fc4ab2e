import Files
import Common
import Crypto
import HTTP

/// A bucket of S3 or of a store that speaks its protocol. Stores that ignore preconditions are at least
/// asked before whether something is there.
struct AmazonStore: BucketStore {
  typealias Object = AmazonObject

  /// Larger files go in parts of this size, in bytes; of a larger one where it would be too many.
  static let usualPart = 16 << 20
  /// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
  static let maximumParts = 10_000

  let service: AmazonService
  let part: Int
  private let quirks = AmazonQuirks()
  var bucket: BucketURL { service.bucket }
  var gate: StoreGate { service.gate }
  var identityName: String? { service.identityName }

  init(_ service: AmazonService, part: Int = usualPart) {
    self.service = service
    self.part = part
  }

  func digest(_ file: SourceFile, _ opened: borrowing RegularFile) throws -> PartedDigest {
    let size = max(part, ((try opened.sourceSize()) + Self.maximumParts - 1) / Self.maximumParts)
    return try PartedDigest(file, opened, part: size)
  }

  func look(at name: String) throws -> RequestResult {
    try service.send(.init(method: "HEAD", name: name))
  }

  func remove(_ name: String) throws -> RequestResult {
    try service.send(.init(method: "DELETE", name: name))
  }

  /// A HEAD for what is not there has no body, and so does not tell an object from its bucket.
  func lookClosely(at name: String) throws -> RequestResult {
    var operation = AmazonService.Operation(method: "GET", name: name)
    operation.headers = [AmazonService.firstByte]
    operation.isDigesting = true
    return try service.send(operation)
  }

  func send(_ putRequest: PutRequest<AmazonObject>, _ retrier: inout Retrier) throws -> Reply {
    guard settings.preconditions != .off else {
      return try upload(putRequest, nil).run(&retrier)
    }
    guard let seen = putRequest.seen else {
      return try upload(putRequest, ("If-None-Match", "*")).run(&retrier)
    }
    let usual = quirks.form(of: seen.etag)
    let reply = try upload(putRequest, ("If-Match", usual)).run(&retrier)
    guard reply.kind == .changed, try object(putRequest.name)?.etag == seen.etag else {
      return reply
    }
    // It is what was seen, and the store says that it is not. Ceph compares the quotes, too.
    let other = quirks.form(besides: usual, of: seen.etag)
    let second = try upload(putRequest, ("If-Match", other)).run(&retrier)
    switch second.kind {
    case .success:
      quirks.settle(on: other, for: seen.etag)
      return second
    case .changed where try object(putRequest.name)?.etag == seen.etag:
      return (second.answer, .storeWide(.preconditions))
    default: return second
    }
  }

  /// The last part, here the only one, may be small.
  func sendInParts(
    _ putRequest: PutRequest<AmazonObject>, _ retrier: inout Retrier
  ) throws -> Reply {
    let condition = settings.preconditions == .off ? nil : ("If-None-Match", "*")
    return try upload(putRequest, condition, isInParts: true).run(&retrier)
  }

  private func upload(
    _ putRequest: PutRequest<AmazonObject>, _ condition: (name: String, value: String)?,
    isInParts: Bool? = nil
  ) -> AmazonUpload {
    AmazonUpload(
      service: service, name: putRequest.name, content: putRequest.content,
      descriptor: putRequest.descriptor, headers: headers(putRequest.metadata),
      condition: condition,
      isInParts: isInParts ?? putRequest.content.isInParts)
  }

  func receipt(_ answer: StoreResponse, for content: PartedDigest) -> PutResult {
    let etag = AmazonObject.unquoted(
      answer.head.header("ETag") ?? XMLText(answer.body).first("ETag") ?? "")
    let expected = content.isInParts ? content.etag : content.whole.md5 ?? ""
    let version = AmazonObject.version(answer.head)
    // Ceph has none at first for an upload in parts; a proxy's page has none at all.
    guard !etag.isEmpty else { return .unknown }
    guard AmazonObject.hasOtherETag(answer.head) || etag == expected else {
      return .other(
        "the store has content with ETag \(Format.quoted(etag)), and \(expected) was sent")
    }
    return .same(version: version, md5: content.whole.md5)
  }

  func words(_ answer: StoreResponse) -> String { service.words(answer) }

  func advice(_ cause: StoreCause, _ answer: StoreResponse, _ purpose: Purpose) -> String {
    service.advice(cause, answer, purpose)
  }

  private func headers(_ metadata: [String: String]) -> [(name: String, value: String)] {
    var headers: [(name: String, value: String)] = [("Content-Type", settings.contentType)]
    if let value = settings.cacheControl { headers.append(("Cache-Control", value)) }
    if let value = settings.storageClass { headers.append(("x-amz-storage-class", value)) }
    for (name, value) in metadata.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
      headers.append((Self.fieldName(name), Self.fieldValue(value)))
    }
    return headers
  }

  /// The header field of one name of metadata. Proxies drop fields with an underscore in their name
  /// (nginx's `underscores_in_headers` is off), and the signature does not match any more.
  static func fieldName(_ name: String) -> String {
    "x-amz-meta-\(name.lowercased().replacing("_", with: "-"))"
  }

  /// A text as header fields can hold it: what is not printable ASCII as an encoded word, which is
  /// also how S3 gives it back (RFC 2047).
  static func fieldValue(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    return isPlain && text.utf8.first != 0x20 && text.utf8.last != 0x20
      ? text : "=?UTF-8?B?\(Base64.encode(Array(text.utf8)))?="
  }
}

/// Making a bucket of S3.
/// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
extension AmazonStore {
  func lookAtBucket() throws -> RequestResult { try service.send(.init(method: "HEAD", name: "")) }

  func makeBucket(_ retrier: inout Retrier) throws -> (reply: Reply, description: String) {
    let place = settings.location ?? service.region
    // us-east-1 is the one that must not be named.
    let body =
      place == "us-east-1"
      ? ""
      : "<CreateBucketConfiguration><LocationConstraint>\(place)</LocationConstraint>"
        + "</CreateBucketConfiguration>"
    let made = try retrier.answer { try service.send(Self.put(body)) }
    guard made.kind == .success else { return (made, "") }
    let ruled = try retrier.answer {
      try service.send(Self.put(Self.lifecycle, [("lifecycle", "")]))
    }
    // Others have no lifecycle, or not these classes, and their objects cost the same for ever.
    if ruled.kind != .success, !service.isAmazons {
      return (
        made, "\(bucket.root) in \(place), which knows no such lifecycle (\(words(ruled.answer)))"
      )
    }
    guard ruled.kind == .success else {
      throw Fatal(
        .unavailable,
        "\(bucket.root) was made in \(place), but it takes no lifecycle: "
          + "\(failure(ruled, bucket.root, .bucket)); run the same command again to use it "
          + "without one")
    }
    return (ruled, "\(bucket.root) in \(place); its objects become \(Lifecycle.text(\.amazon))")
  }

  private static func put(
    _ body: String, _ query: [(name: String, value: String)] = []
  ) -> AmazonService.Operation {
    let bytes = Array(body.utf8)
    var md5 = Digest(.md5)
    bytes.withUnsafeBytes { md5.update($0) }
    return .init(
      method: "PUT", name: "", query: query,
      headers: [("Content-Type", "application/xml"), ("Content-MD5", Base64.encode(md5.finish()))],
      body: RequestBody([.bytes(bytes)]), bodySHA256: Digest.sha256(bytes))
  }

  /// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
  static let lifecycle: String = {
    let steps = Lifecycle.steps.map {
      "<Transition><Days>\($0.days)</Days><StorageClass>\($0.amazon)</StorageClass></Transition>"
    }
    return "<LifecycleConfiguration><Rule><ID>conveyor</ID><Filter><Prefix></Prefix></Filter>"
      + "<Status>Enabled</Status>\(steps.joined())<AbortIncompleteMultipartUpload>"
      + "<DaysAfterInitiation>\(Lifecycle.daysOfParts)</DaysAfterInitiation>"
      + "</AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>"
  }()
}
