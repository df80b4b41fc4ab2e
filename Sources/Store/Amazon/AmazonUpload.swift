import Common
import Crypto
import HTTP

/// One object on its way into a bucket of S3: in one request, or in parts that are put together at the
/// end. Until then none of them can be seen.
struct AmazonUpload {
  /// An upload in parts that is lost is begun again so often.
  static let maximumRestarts = 2

  let service: AmazonService
  let name: String
  let content: PartedDigest
  let descriptor: Int32
  /// Type, class and metadata.
  let headers: [(name: String, value: String)]
  /// Only if nothing is there, or what was seen; `nil` for a store without preconditions.
  let condition: (name: String, value: String)?
  let isInParts: Bool

  /// Sends all. The answer is the last one: with the object, or with why there is none.
  func run(_ retrier: inout Retrier) throws -> Reply {
    guard isInParts else { return try retrier.answer { try service.send(whole()) } }
    var last: Reply?
    for _ in 0...Self.maximumRestarts {
      let reply = try inParts(&retrier)
      // NoSuchUpload: lost, or completed by a request whose answer was lost.
      guard reply.kind == .absent else { return reply }
      last = reply
      if try isThere(&retrier) { break }
    }
    guard let last else { throw RecordError(.internal, "an upload that was never tried") }
    return last
  }

  private var conditions: [(name: String, value: String)] { condition.map { [$0] } ?? [] }

  private func whole() -> AmazonService.Operation {
    let md5 = content.whole.md5.flatMap(Digest.bytes(hex:)).map(Base64.encode) ?? ""
    return .init(
      method: "PUT", name: name, headers: headers + conditions + [("Content-MD5", md5)],
      body: RequestBody([.file(descriptor: descriptor, offset: 0, count: content.whole.bytes)]),
      bodySHA256: content.whole.sha256)
  }

  private func isThere(_ retrier: inout Retrier) throws -> Bool {
    let reply = try retrier.answer { try service.send(.init(method: "HEAD", name: name)) }
    return reply.kind == .success && AmazonObject(reply.answer)?.holds(content) == true
  }

  private func inParts(_ retrier: inout Retrier) throws -> Reply {
    let begun = try retrier.answer {
      try service.send(
        .init(method: "POST", name: name, query: [("uploads", "")], headers: headers))
    }
    guard begun.kind == .success else { return begun }
    guard let id = XMLText(begun.answer.body).first("UploadId") else {
      throw RecordError(
        .storeRejected, "\(service.bucket.url(ofName: name)): an upload began without an identity",
        isRetryable: true)
    }
    do {
      let reply = try send(id, &retrier)
      if reply.kind != .success { abandon(id) }
      return reply
    } catch {
      abandon(id)
      throw error
    }
  }

  private func send(_ id: String, _ retrier: inout Retrier) throws -> Reply {
    var list = "<CompleteMultipartUpload>"
    for (index, part) in content.parts.enumerated() {
      let operation = AmazonService.Operation(
        method: "PUT", name: name, query: [("partNumber", "\(index + 1)"), ("uploadId", id)],
        headers: [("Content-MD5", Base64.encode(part.md5))],
        body: RequestBody([
          .file(descriptor: descriptor, offset: part.range.lowerBound, count: part.range.count)
        ]), bodySHA256: part.sha256)
      let sent = try retrier.answer { try service.send(operation) }
      guard sent.kind == .success else { return sent }
      retrier.progressed()
      // Which parts make the object; the ETag of the whole is compared at the end.
      let etag = sent.answer.head.header("ETag").map(AmazonObject.unquoted) ?? ""
      list += "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\"\(etag)\"</ETag></Part>"
    }
    let body = Array((list + "</CompleteMultipartUpload>").utf8)
    let operation = AmazonService.Operation(
      method: "POST", name: name, query: [("uploadId", id)],
      headers: conditions + [("Content-Type", "application/xml")],
      body: RequestBody([.bytes(body)]), bodySHA256: Digest.sha256(body))
    return try retrier.answer { try service.send(operation) }
  }

  /// Parts that are never put together cost money until they are removed. Should this fail, too, the
  /// bucket's lifecycle rule for incomplete uploads has to do it.
  private func abandon(_ id: String) {
    _ = try? service.send(.init(method: "DELETE", name: name, query: [("uploadId", id)]))
  }
}
