import Common
import Digest
import Transfer

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

  init(_ service: AmazonService, part: Int = usualPart) {
    self.service = service
    self.part = part
  }

  func digest(_ file: SourceFile, _ opened: borrowing RegularFile) throws -> PartedDigest {
    let size = max(part, ((try opened.sourceSize()) + Self.maximumParts - 1) / Self.maximumParts)
    return try PartedDigest(file, opened, part: size)
  }

  func look(at name: String) throws -> Outcome {
    try service.send(.init(method: "HEAD", name: name))
  }

  func remove(_ name: String) throws -> Outcome {
    try service.send(.init(method: "DELETE", name: name))
  }

  /// A HEAD for what is not there has no body, and so does not tell an object from its bucket.
  func lookClosely(at name: String) throws -> Outcome {
    var errand = AmazonService.Errand(method: "GET", name: name)
    errand.headers = [AmazonService.firstByte]
    errand.isDigesting = true
    return try service.send(errand)
  }

  func send(_ shipment: Shipment<AmazonObject>, _ retrier: inout Retrier) throws -> Reply {
    guard settings.preconditions != .off else {
      return try upload(shipment, nil).run(&retrier)
    }
    guard let seen = shipment.seen else {
      return try upload(shipment, ("If-None-Match", "*")).run(&retrier)
    }
    let usual = quirks.form(of: seen.etag)
    let reply = try upload(shipment, ("If-Match", usual)).run(&retrier)
    guard reply.kind == .changed, try object(shipment.name)?.etag == seen.etag else { return reply }
    // It is what was seen, and the store says that it is not. Ceph compares the quotes, too.
    let other = quirks.otherForm(of: seen.etag)
    let second = try upload(shipment, ("If-Match", other)).run(&retrier)
    switch second.kind {
    case .success:
      quirks.settle(on: other, for: seen.etag)
      return second
    case .changed where try object(shipment.name)?.etag == seen.etag:
      return (second.answer, .storeWide(.preconditions))
    default: return second
    }
  }

  /// The last part, here the only one, may be small.
  func sendInParts(
    _ shipment: Shipment<AmazonObject>, _ retrier: inout Retrier
  ) throws -> Reply {
    let condition = settings.preconditions == .off ? nil : ("If-None-Match", "*")
    return try upload(shipment, condition, isInParts: true).run(&retrier)
  }

  private func upload(
    _ shipment: Shipment<AmazonObject>, _ condition: (name: String, value: String)?,
    isInParts: Bool? = nil
  ) -> AmazonUpload {
    AmazonUpload(
      service: service, name: shipment.name, content: shipment.content,
      descriptor: shipment.descriptor, headers: headers(shipment.metadata), condition: condition,
      isInParts: isInParts ?? shipment.content.isInParts)
  }

  func receipt(_ answer: Answer, for content: PartedDigest) -> Receipt {
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

  func words(_ answer: Answer) -> String { service.words(answer) }

  func advice(_ cause: StoreCause, _ answer: Answer, _ purpose: Purpose) -> String {
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

  /// The header field of a piece of metadata. Proxies drop fields with an underscore in their name
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
