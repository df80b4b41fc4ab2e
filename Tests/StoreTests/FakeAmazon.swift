import Crypto
import Support
import Synchronization

/// S3 in small, with preconditions, checksums and uploads in parts, and with faults to order.
final class FakeAmazon: Sendable {
  struct State {
    var objects: [String: (content: [UInt8], etag: String)] = [:]
    var uploads: [String: [Int: [UInt8]]] = [:]
    var begun = 0
    var writes = 0
    var received: [Received] = []
  }

  struct Behaviour: Sendable {
    var fault: @Sendable (Int) -> AmazonFault? = { _ in nil }
    var checks = true
    var meanwhile: @Sendable (inout State) -> Void = { _ in }
  }

  private final class Shared: Sendable { let state = Mutex(State()) }

  private let shared: Shared
  private let server: StoreServer
  var url: String { server.url }

  init(_ behaviour: Behaviour = Behaviour()) throws {
    let shared = Shared()
    self.shared = shared
    let react: @Sendable (Received) -> Reaction = { request in
      shared.state.withLock { state in Self.answer(request, behaviour, &state) }
    }
    answer = react
    server = try StoreServer(breaks: { behaviour.fault($0) == .resetBeforeBody }, react: react)
  }

  /// What it answers to a request, also to one that came another way.
  let answer: @Sendable (Received) -> Reaction

  private static func answer(
    _ request: Received, _ behaviour: Behaviour, _ state: inout State
  ) -> Reaction {
    state.received.append(request)
    let isComplete = request.method == "POST" && request.query("uploadId") != nil
    switch behaviour.fault(request.number) {
    case .unavailable: return error(503, "SlowDown")
    case .conflict where request.method == "PUT" || isComplete:
      return error(409, "ConditionalRequestConflict")
    case .resetAfterBody: return .reset
    case .lostReply:
      _ = react(request, behaviour, &state)
      return .reset
    case .uploadGone where request.query("uploadId") != nil:
      state.uploads = [:]
      return error(404, "NoSuchUpload")
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    case .lateError where isComplete: return error(200, "InternalError")
    case .forbidden:
      return error(403, "AccessDenied", request.headers["x-amz-security-token"] ?? "")
    case .wrongETag:
      guard
        case .answer(let status, var headers, let body) = react(request, behaviour, &state),
        headers["ETag"] != nil
      else { return .answer(404) }
      headers["ETag"] = "\"00000000000000000000000000000000\""
      return .answer(status, headers, body)
    default: return react(request, behaviour, &state)
    }
  }

  func with<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
    shared.state.withLock { state in body(&state) }
  }

  private static func react(
    _ request: Received, _ behaviour: Behaviour, _ state: inout State
  ) -> Reaction {
    let id = request.query("uploadId") ?? ""
    let name = request.path
    switch (request.method, request.query("partNumber"), id) {
    case ("HEAD", _, _):
      guard let object = state.objects[name] else { return .answer(404) }
      return .answer(
        200, ["Content-Length": "\(object.content.count)", "ETag": "\"\(object.etag)\""])
    case ("GET", _, _):
      guard let object = state.objects[name] else { return error(404, "NoSuchKey") }
      return .answer(200, ["ETag": "\"\(object.etag)\""], object.content)
    case ("DELETE", _, _):
      state.uploads[id] = nil
      return .answer(204)
    case ("PUT", let number?, _):
      guard state.uploads[id] != nil else { return error(404, "NoSuchUpload") }
      guard isIntact(request, behaviour) else { return error(400, "BadDigest") }
      state.uploads[id]?[Int(number) ?? 0] = request.body
      return .answer(200, ["ETag": "\"\(Digest.hex(md5(request.body)))\""])
    case ("PUT", nil, _):
      behaviour.meanwhile(&state)
      guard isIntact(request, behaviour) else { return error(400, "BadDigest") }
      return finish(request, request.body, Digest.hex(md5(request.body)), &state)
    case ("POST", _, ""):
      behaviour.meanwhile(&state)
      state.begun += 1
      state.uploads["u\(state.begun)"] = [:]
      return .answer(200, [:], Array("<R><UploadId>u\(state.begun)</UploadId></R>".utf8))
    case ("POST", _, _):
      guard let parts = state.uploads[id] else { return error(404, "NoSuchUpload") }
      let ordered = parts.sorted { $0.key < $1.key }.map(\.value)
      let etag = "\(Digest.hex(md5(ordered.flatMap { md5($0) })))-\(ordered.count)"
      let reaction = finish(request, Array(ordered.joined()), etag, &state)
      if case .answer(200, _, _) = reaction { state.uploads[id] = nil }
      return reaction
    default: return .answer(400)
    }
  }

  private static func finish(
    _ request: Received, _ content: [UInt8], _ etag: String, _ state: inout State
  ) -> Reaction {
    let there = state.objects[request.path]
    let isAsExpected =
      if request.headers["if-none-match"] == "*" {
        there == nil
      } else if let expected = request.headers["if-match"] {
        // With its quotes, or without them, as some of Amazon's are taken.
        there.map { $0.etag == expected.filter { $0 != "\"" } } == true
      } else {
        true
      }
    guard isAsExpected else { return error(412, "PreconditionFailed") }
    state.writes += 1
    state.objects[request.path] = (content, etag)
    return .answer(200, ["ETag": "\"\(etag)\""])
  }

  private static func isIntact(_ request: Received, _ behaviour: Behaviour) -> Bool {
    !behaviour.checks
      || request.headers["content-md5"] == Base64.encode(md5(request.body))
        && request.headers["x-amz-content-sha256"] == Digest.sha256(request.body)
  }

  /// The ETag of an object that came in one part.
  static func etag(_ content: [UInt8]) -> String { Digest.hex(md5(content)) }

  private static func md5(_ bytes: [UInt8]) -> [UInt8] {
    var digest = Digest(.md5)
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.finish()
  }

  private static func error(_ status: Int, _ code: String, _ message: String = "") -> Reaction {
    .answer(
      status, [:],
      Array("<Error><Code>\(code)</Code><Message>m \(message)</Message></Error>".utf8))
  }
}

/// What goes wrong with one request to S3.
enum AmazonFault: String, Sendable, CaseIterable {
  case unavailable, conflict, resetBeforeBody, resetAfterBody, lostReply, uploadGone, lateError
  case forbidden, wrongETag
}
