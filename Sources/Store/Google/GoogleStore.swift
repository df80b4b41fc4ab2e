import Common
import Digest
import Transfer

/// A bucket of Google Cloud Storage. Every upload carries a precondition, so that it may be sent again
/// and can never replace what it has not seen (promise P8).
struct GoogleStore: ObjectStore {
  /// Larger files go in pieces of this size, in bytes: a multiple of 256 KiB, as the protocol wants it.
  static let usualPiece = 8 << 20

  private let piece: Int
  let service: GoogleService
  var bucket: BucketURL { service.bucket }
  var settings: StoreSettings { service.settings }

  init(_ service: GoogleService, piece: Int = usualPiece) {
    self.service = service
    self.piece = piece
  }

  func url(of key: ObjectKey) throws -> String { bucket.url(ofName: try bucket.name(of: key)) }

  func info(at url: String) throws -> ObjectInfo? {
    try object(try bucket.name(at: url)).map {
      ObjectInfo(bytes: $0.bytes, md5: $0.md5, recordedSHA256: $0.sha256)
    }
  }

  func put(
    _ file: SourceFile, at key: ObjectKey, metadata: [String: String], overwrite: Bool
  ) throws -> StoredObject {
    let name = try bucket.name(of: key)
    let url = bucket.url(ofName: name)
    let opened = try file.open()
    let content = try file.content(of: opened)
    let found = try object(name)
    if let found {
      if found.holds(content) { return stored(found, content, url, isSkipped: true) }
      guard overwrite else { throw conflict(url, found, content) }
    }
    let upload = Upload(
      name: name, content: content, descriptor: opened.descriptor,
      generation: found?.generation ?? "0",
      description: description(of: content, name, metadata).serialized())
    let (answer, meaning) = try send(upload)
    switch meaning {
    case .success:
      guard let object = GoogleObject(answer.body) else {
        throw RecordError(
          .storeRejected, "\(url): the store's answer describes no object", isRetryable: true)
      }
      guard object.holds(content) else {
        throw try file.changed(opened, since: content)
          ?? mismatch(url, object, content)
      }
      return stored(object, content, url, isSkipped: false)
    case .changed:
      // Somebody was quicker, or an answer was lost: perhaps it is the same document.
      guard let now = try object(name), now.holds(content) else {
        throw conflict(url, nil, content)
      }
      return stored(now, content, url, isSkipped: true)
    case .damaged:
      throw try file.changed(opened, since: content) ?? service.failure(answer, meaning, url)
    default: throw service.failure(answer, meaning, url)
    }
  }

  private struct Upload {
    let name: String
    let content: FileDigest
    let descriptor: Int32
    let generation: String
    let description: [UInt8]
  }

  /// What the store has under a name.
  private func object(_ name: String) throws -> GoogleObject? {
    let errand = bucket.url(ofName: name)
    let url = try service.url(ofObject: name)
    var patience = Patience(errand, settings)
    let (answer, meaning) = try service.ask(&patience, for: errand) { Request(url) }
    switch meaning {
    case .absent: return nil
    case .success:
      guard let object = GoogleObject(answer.body) else {
        throw RecordError(.storeUnavailable, "\(errand): the answer describes no object")
      }
      return object
    default: throw service.failure(answer, meaning, errand)
    }
  }

  private func send(_ upload: Upload) throws -> (answer: Answer, meaning: Meaning) {
    let errand = bucket.url(ofName: upload.name)
    var patience = Patience(errand, settings)
    let isSmall = upload.content.bytes <= piece
    let url = try service.url(
      ofUpload: isSmall ? "multipart" : "resumable", upload.name, generation: upload.generation)
    guard isSmall else {
      return try ResumableUpload(
        service: service, errand: errand, url: url, description: upload.description,
        contentType: settings.contentType, descriptor: upload.descriptor,
        total: upload.content.bytes, piece: piece
      ).run(&patience)
    }
    return try service.ask(&patience, for: errand) { multipart(upload, url) }
  }

  /// Description and content in one request (RFC 2387).
  private func multipart(_ upload: Upload, _ url: WebURL) -> Request {
    let random = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }
    let boundary = "conveyor-" + random.joined()
    let head = "--\(boundary)\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
    let middle = "\r\n--\(boundary)\r\nContent-Type: \(settings.contentType)\r\n\r\n"
    var request = Request(url)
    request.method = "POST"
    request.headers = [("Content-Type", "multipart/related; boundary=\(boundary)")]
    request.body = RequestBody([
      .bytes(Array(head.utf8) + upload.description + Array(middle.utf8)),
      .file(descriptor: upload.descriptor, offset: 0, count: upload.content.bytes),
      .bytes(Array("\r\n--\(boundary)--\r\n".utf8)),
    ])
    return request
  }

  /// The resource that is to be: the store compares its `md5Hash` with what arrives.
  private func description(
    of content: FileDigest, _ name: String, _ metadata: [String: String]
  ) -> JSON {
    var all = settings.metadata.merging(metadata) { $1 }
    all["sha256"] = content.sha256
    let md5 = content.md5.flatMap(Digest.bytes(hex:)).map(Base64.encode)
    return .object([
      "name": .string(name), "contentType": .string(settings.contentType),
      "cacheControl": settings.cacheControl.map(JSON.string),
      "storageClass": settings.storageClass.map(JSON.string), "md5Hash": md5.map(JSON.string),
      "metadata": all.json,
    ])
  }

  private func stored(
    _ object: GoogleObject, _ content: FileDigest, _ url: String, isSkipped: Bool
  ) -> StoredObject {
    StoredObject(
      url: url, bytes: content.bytes, sha256: content.sha256, md5: content.md5 ?? "",
      generation: object.generation, isSkipped: isSkipped)
  }

  private func mismatch(
    _ url: String, _ object: GoogleObject, _ content: FileDigest
  ) -> RecordError {
    RecordError(
      .storeRejected,
      "\(url): the store has \(object.bytes) bytes with MD5 \(object.md5 ?? "unknown"), and "
        + "\(content.bytes) with MD5 \(content.md5 ?? "") were sent", isRetryable: true)
  }

  private func conflict(
    _ url: String, _ found: GoogleObject?, _ content: FileDigest
  ) -> RecordError {
    .conflict(url, found: found.map { ($0.bytes, $0.md5) }, content)
  }
}
