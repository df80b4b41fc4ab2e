import Files
import Common
import Crypto
import Logging
import HTTP

/// A bucket of Google Cloud Storage.
struct GoogleStore: BucketStore {
  typealias Object = GoogleObject

  /// Larger files go in a session of their own, in bytes.
  static let usualPart = 8 << 20
  /// So many bytes go with one request of it: a multiple of 256 KiB, as the protocol wants it. What broke off is
  /// gone on with where the store says that it has come, so that a long request loses no more than a short one; and
  /// at 1 Mbit/s it ends in less than half of the time that one may take.
  /// https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload
  static let usualChunk = 32 << 20

  let service: GoogleService
  private let chunk: Int
  var part: Int { min(chunk, Self.usualPart) }
  private let existenceCheck: ExistenceCheck
  var bucket: BucketURL { service.bucket }
  var gate: StoreGate { service.gate }
  var identityName: String? { service.identityName }

  init(_ service: GoogleService, chunk: Int = usualChunk, existenceCheck: ExistenceCheck? = nil) {
    self.service = service
    self.chunk = chunk
    self.existenceCheck = existenceCheck ?? ExistenceCheck(isTrusted: service.isGoogles)
  }

  func digest(_ file: SourceFile, _ opened: borrowing RegularFile) throws -> FileDigest {
    try file.content(of: opened, also: .crc32c)
  }

  func look(at name: String) throws -> RequestResult {
    try service.send(Request(try service.url(ofObject: name)), for: bucket.url(ofName: name))
  }

  func remove(_ name: String) throws -> RequestResult {
    var request = Request(try service.url(ofObject: name))
    request.method = "DELETE"
    return try service.send(request, for: bucket.url(ofName: name))
  }

  func looksFirst(bytes: Int) -> Bool { existenceCheck.isWanted(bytes: bytes) }

  func noticed(_ name: String, wasThere: Bool, version: String?) {
    existenceCheck.found(wasThere)
    guard let version, let generation = Int(version), existenceCheck.wantsTrial() else { return }
    // The document is there, whatever comes of this.
    existenceCheck.tried(honours: (try? honoursPreconditions(name, generation)) ?? false)
  }

  /// Asks for an object as if it had another generation than it has. Emulators may give it all the same.
  private func honoursPreconditions(_ name: String, _ generation: Int) throws -> Bool {
    let operation = bucket.url(ofName: name)
    let url = try service.url(ofObject: name, generation: "\(generation ^ 1)")
    var retrier = retrier(operation, .reading)
    let reply = try retrier.answer { try service.send(Request(url), for: operation) }
    if reply.kind == .changed { return true }
    settings.logger.notice(
      "this store ignores ifGenerationMatch: of two that write at once, one may replace the other's"
    )
    return false
  }

  func send(_ putRequest: PutRequest<GoogleObject>, _ retrier: inout Retrier) throws -> Reply {
    try send(putRequest, isSmall: putRequest.content.bytes <= part, &retrier)
  }

  func sendInParts(
    _ putRequest: PutRequest<GoogleObject>, _ retrier: inout Retrier
  ) throws -> Reply { try send(putRequest, isSmall: false, &retrier) }

  private func send(
    _ putRequest: PutRequest<GoogleObject>, isSmall: Bool, _ retrier: inout Retrier
  ) throws -> Reply {
    let operation = bucket.url(ofName: putRequest.name)
    let url = try service.url(
      ofUpload: isSmall ? "multipart" : "resumable", putRequest.name,
      generation: settings.preconditions == .off ? nil : putRequest.seen?.generation ?? "0")
    let description = description(of: putRequest).serialized()
    guard isSmall else {
      return Self.bucketMissing(
        try ResumableUpload(
          service: service, operation: operation, url: url, description: description,
          contentType: settings.contentType, descriptor: putRequest.descriptor,
          total: putRequest.content.bytes, chunk: chunk
        ).run(&retrier))
    }
    return Self.bucketMissing(
      try retrier.answer {
        try service.send(multipart(putRequest, description, url), for: operation)
      })
  }

  /// Nothing but the bucket can be missing for an upload.
  private static func bucketMissing(_ reply: Reply) -> Reply {
    reply.kind == .absent ? (reply.answer, .noBucket) : reply
  }

  /// Description and content in one request (RFC 2387).
  private func multipart(
    _ putRequest: PutRequest<GoogleObject>, _ description: [UInt8], _ url: WebURL
  ) -> Request {
    let random = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }
    let boundary = "conveyor-" + random.joined()
    let head = "--\(boundary)\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
    let middle = "\r\n--\(boundary)\r\nContent-Type: \(settings.contentType)\r\n\r\n"
    var request = Request(url)
    request.method = "POST"
    request.headers = [("Content-Type", "multipart/related; boundary=\(boundary)")]
    request.body = RequestBody([
      .bytes(Array(head.utf8) + description + Array(middle.utf8)),
      .file(descriptor: putRequest.descriptor, offset: 0, count: putRequest.content.bytes),
      .bytes(Array("\r\n--\(boundary)--\r\n".utf8)),
    ])
    return request
  }

  /// The resource that is to be: the store compares its `crc32c` with what arrives.
  private func description(of putRequest: PutRequest<GoogleObject>) -> JSON {
    let crc32c = putRequest.content.crc32c.flatMap(Digest.bytes(hex:)).map(Base64.encode)
    return .object([
      "name": .string(putRequest.name), "contentType": .string(settings.contentType),
      "cacheControl": settings.cacheControl.map(JSON.string),
      "storageClass": settings.storageClass.map(JSON.string), "crc32c": crc32c.map(JSON.string),
      "metadata": putRequest.metadata.json,
    ])
  }

  func receipt(_ answer: StoreResponse, for content: FileDigest) -> PutResult {
    guard let object = GoogleObject(answer) else { return .unknown }
    guard object.arrived(content) else {
      return .other(
        "the store has \(object.bytes) bytes with CRC32C \(object.crc32c ?? "unknown"), and "
          + "\(content.bytes) with CRC32C \(content.crc32c ?? "") were sent")
    }
    return .same(version: object.generation, md5: object.md5)
  }

  func words(_ answer: StoreResponse) -> String { service.words(answer, nil) }

  func advice(_ cause: StoreCause, _ answer: StoreResponse, _ purpose: Purpose) -> String {
    service.advice(cause, answer, purpose)
  }
}
