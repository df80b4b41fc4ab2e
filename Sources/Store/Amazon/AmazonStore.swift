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
  private let part: Int
  var bucket: BucketURL { service.bucket }
  var settings: StoreSettings { service.settings }

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

  func send(_ shipment: Shipment<AmazonObject>, _ patience: inout Patience) throws -> Reply {
    try AmazonUpload(
      service: service, name: shipment.name, content: shipment.content,
      descriptor: shipment.descriptor, headers: headers(shipment.metadata),
      condition: shipment.seen.map { ("If-Match", "\"\($0.etag)\"") } ?? ("If-None-Match", "*")
    ).run(&patience)
  }

  func receipt(_ answer: Answer, for content: PartedDigest) -> Receipt {
    let etag = answer.head.header("ETag") ?? XMLText(answer.body).first("ETag") ?? ""
    let expected = content.isInParts ? content.etag : content.whole.md5 ?? ""
    guard AmazonObject.hasOtherETag(answer.head) || AmazonObject.unquoted(etag) == expected else {
      return .other(
        "the store has content with ETag \(Format.quoted(etag)), and \(expected) was sent")
    }
    return .same(version: AmazonObject.version(answer.head), md5: content.whole.md5)
  }

  func failure(_ reply: Reply, _ errand: String, _ purpose: Purpose) -> any Error {
    service.failure(reply, errand, purpose)
  }

  private func headers(_ metadata: [String: String]) -> [(name: String, value: String)] {
    var headers: [(name: String, value: String)] = [("Content-Type", settings.contentType)]
    if let value = settings.cacheControl { headers.append(("Cache-Control", value)) }
    if let value = settings.storageClass { headers.append(("x-amz-storage-class", value)) }
    for (name, value) in metadata.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
      headers.append(("x-amz-meta-\(name.lowercased())", Self.fieldValue(value)))
    }
    return headers
  }

  /// A text as header fields can hold it: what is not printable ASCII as an encoded word, which is
  /// also how S3 gives it back (RFC 2047).
  static func fieldValue(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    return isPlain && text.utf8.first != 0x20 && text.utf8.last != 0x20
      ? text : "=?UTF-8?B?\(Base64.encode(Array(text.utf8)))?="
  }
}
