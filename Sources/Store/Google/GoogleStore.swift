import Common
import Digest
import Logging
import Transfer

/// A bucket of Google Cloud Storage.
struct GoogleStore: BucketStore {
  typealias Object = GoogleObject

  /// Larger files go in pieces of this size, in bytes: a multiple of 256 KiB, as the protocol wants it.
  static let usualPiece = 8 << 20

  let service: GoogleService
  private let piece: Int
  var part: Int { piece }
  private let lookout: Lookout
  var bucket: BucketURL { service.bucket }
  var gate: StoreGate { service.gate }

  init(_ service: GoogleService, piece: Int = usualPiece, lookout: Lookout? = nil) {
    self.service = service
    self.piece = piece
    self.lookout = lookout ?? Lookout(isTrusted: service.isGoogles)
  }

  func digest(_ file: SourceFile, _ opened: borrowing RegularFile) throws -> FileDigest {
    try file.content(of: opened, also: .crc32c)
  }

  func look(at name: String) throws -> Outcome {
    try service.send(Request(try service.url(ofObject: name)), for: bucket.url(ofName: name))
  }

  func remove(_ name: String) throws -> Outcome {
    var request = Request(try service.url(ofObject: name))
    request.method = "DELETE"
    return try service.send(request, for: bucket.url(ofName: name))
  }

  func looksFirst(bytes: Int) -> Bool { lookout.isWanted(bytes: bytes) }

  func noticed(_ name: String, wasThere: Bool, version: String?) {
    lookout.found(wasThere)
    guard let version, let generation = Int(version), lookout.wantsTrial() else { return }
    // The document is there, whatever comes of this.
    lookout.tried(honours: (try? honoursPreconditions(name, generation)) ?? false)
  }

  /// Asks for an object as if it had another generation than it has. Emulators may give it all the same.
  private func honoursPreconditions(_ name: String, _ generation: Int) throws -> Bool {
    let errand = bucket.url(ofName: name)
    let url = try service.url(ofObject: name, generation: "\(generation + 1)")
    var retrier = retrier(errand, .reading)
    let reply = try retrier.answer { try service.send(Request(url), for: errand) }
    if reply.kind == .changed { return true }
    settings.logger.notice(
      "this store ignores ifGenerationMatch: of two that write at once, one may replace the other's"
    )
    return false
  }

  func send(_ shipment: Shipment<GoogleObject>, _ retrier: inout Retrier) throws -> Reply {
    try send(shipment, isSmall: shipment.content.bytes <= piece, &retrier)
  }

  func sendInParts(
    _ shipment: Shipment<GoogleObject>, _ retrier: inout Retrier
  ) throws -> Reply { try send(shipment, isSmall: false, &retrier) }

  private func send(
    _ shipment: Shipment<GoogleObject>, isSmall: Bool, _ retrier: inout Retrier
  ) throws -> Reply {
    let errand = bucket.url(ofName: shipment.name)
    let url = try service.url(
      ofUpload: isSmall ? "multipart" : "resumable", shipment.name,
      generation: settings.preconditions == .off ? nil : shipment.seen?.generation ?? "0")
    let description = description(of: shipment).serialized()
    guard isSmall else {
      return Self.bucketMissing(
        try ResumableUpload(
          service: service, errand: errand, url: url, description: description,
          contentType: settings.contentType, descriptor: shipment.descriptor,
          total: shipment.content.bytes, piece: piece
        ).run(&retrier))
    }
    return Self.bucketMissing(
      try retrier.answer {
        try service.send(multipart(shipment, description, url), for: errand)
      })
  }

  /// Nothing but the bucket can be missing for an upload.
  private static func bucketMissing(_ reply: Reply) -> Reply {
    reply.kind == .absent ? (reply.answer, .noBucket) : reply
  }

  /// Description and content in one request (RFC 2387).
  private func multipart(
    _ shipment: Shipment<GoogleObject>, _ description: [UInt8], _ url: WebURL
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
      .file(descriptor: shipment.descriptor, offset: 0, count: shipment.content.bytes),
      .bytes(Array("\r\n--\(boundary)--\r\n".utf8)),
    ])
    return request
  }

  /// The resource that is to be: the store compares its `crc32c` with what arrives.
  private func description(of shipment: Shipment<GoogleObject>) -> JSON {
    let crc32c = shipment.content.crc32c.flatMap(Digest.bytes(hex:)).map(Base64.encode)
    return .object([
      "name": .string(shipment.name), "contentType": .string(settings.contentType),
      "cacheControl": settings.cacheControl.map(JSON.string),
      "storageClass": settings.storageClass.map(JSON.string), "crc32c": crc32c.map(JSON.string),
      "metadata": shipment.metadata.json,
    ])
  }

  func receipt(_ answer: Answer, for content: FileDigest) -> Receipt {
    guard let object = GoogleObject(answer) else { return .unknown }
    guard object.arrived(content) else {
      return .other(
        "the store has \(object.bytes) bytes with CRC32C \(object.crc32c ?? "unknown"), and "
          + "\(content.bytes) with CRC32C \(content.crc32c ?? "") were sent")
    }
    return .same(version: object.generation, md5: object.md5)
  }

  func words(_ answer: Answer) -> String { service.words(answer, nil) }

  func advice(_ cause: StoreCause, _ answer: Answer, _ purpose: Purpose) -> String {
    service.advice(cause, answer, purpose)
  }
}
