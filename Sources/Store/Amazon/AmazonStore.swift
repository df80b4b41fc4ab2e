import Common
import Digest
import Transfer

/// A bucket of S3 or of a store that speaks its protocol. Every upload carries a precondition (promise
/// P8); stores that ignore it are at least asked before whether something is there.
struct AmazonStore: ObjectStore {
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

  func url(of key: ObjectKey) throws -> String { bucket.url(ofName: try bucket.name(of: key)) }

  func info(at url: String) throws -> ObjectInfo? {
    try object(try bucket.name(at: url)).map {
      // Of an object that came in parts, S3 knows no checksum of the whole. Each part was compared
      // when it came, and the note was bound to them in the same upload.
      ObjectInfo(
        bytes: $0.bytes, sha256: $0.md5 == nil ? $0.sha256 : nil, md5: $0.md5,
        recordedSHA256: $0.sha256)
    }
  }

  func put(
    _ file: SourceFile, at key: ObjectKey, metadata: [String: String], overwrite: Bool
  ) throws -> StoredObject {
    let name = try bucket.name(of: key)
    let url = bucket.url(ofName: name)
    let opened = try file.open()
    let size = max(part, ((try opened.size()) + Self.maximumParts - 1) / Self.maximumParts)
    let content = try PartedDigest(file, opened, part: size)
    let found = try object(name)
    if let found {
      if found.holds(content) { return stored(found.version, content, url, isSkipped: true) }
      guard overwrite else {
        throw RecordError.conflict(url, found: (found.bytes, found.md5), content.whole)
      }
    }
    let upload = AmazonUpload(
      service: service, name: name, content: content, descriptor: opened.descriptor,
      headers: headers(content.whole, metadata),
      condition: found.map { ("If-Match", "\"\($0.etag)\"") } ?? ("If-None-Match", "*"))
    let (answer, meaning) = try upload.run()
    switch meaning {
    case .success:
      let etag = answer.head.header("ETag") ?? XMLText(answer.body).first("ETag") ?? ""
      let expected = upload.isInParts ? content.etag : content.whole.md5 ?? ""
      guard AmazonObject.hasOtherETag(answer.head) || AmazonObject.unquoted(etag) == expected
      else {
        throw try file.changed(opened, since: content.whole)
          ?? RecordError(
            .storeRejected,
            "\(url): the store has content with ETag \(Format.quoted(etag)), and \(expected) was sent",
            isRetryable: true)
      }
      let version = answer.head.header("x-amz-version-id")
      return stored(version, content, url, isSkipped: false)
    case .changed, .absent:
      // Somebody was quicker, or an answer was lost: perhaps it is the same document.
      if let now = try object(name), now.holds(content) {
        return stored(now.version, content, url, isSkipped: true)
      }
      if meaning == .absent {
        throw RecordError(
          .storeUnavailable,
          "\(url): what was to be replaced or completed is gone: "
            + "\(service.failure(answer, meaning, url))")
      }
      throw RecordError.conflict(url, found: nil, content.whole)
    case .damaged:
      throw try file.changed(opened, since: content.whole) ?? service.failure(answer, meaning, url)
    default: throw service.failure(answer, meaning, url)
    }
  }

  /// What the store has under a name.
  private func object(_ name: String) throws -> AmazonObject? {
    let url = bucket.url(ofName: name)
    var patience = Patience(url, settings)
    let (answer, meaning) = try service.ask(&patience, .init(method: "HEAD", name: name))
    switch meaning {
    case .absent: return nil
    case .success:
      guard let object = AmazonObject(answer.head) else {
        throw RecordError(.storeUnavailable, "\(url): the answer describes no object")
      }
      return object
    default: throw service.failure(answer, meaning, url)
    }
  }

  private func headers(
    _ content: FileDigest, _ metadata: [String: String]
  ) -> [(name: String, value: String)] {
    var all = settings.metadata.merging(metadata) { $1 }
    all["sha256"] = content.sha256
    var headers: [(name: String, value: String)] = [("Content-Type", settings.contentType)]
    if let value = settings.cacheControl { headers.append(("Cache-Control", value)) }
    if let value = settings.storageClass { headers.append(("x-amz-storage-class", value)) }
    for (name, value) in all.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
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

  private func stored(
    _ version: String?, _ content: PartedDigest, _ url: String, isSkipped: Bool
  ) -> StoredObject {
    StoredObject(
      url: url, bytes: content.whole.bytes, sha256: content.whole.sha256,
      md5: content.whole.md5 ?? "", generation: version, isSkipped: isSkipped)
  }
}
