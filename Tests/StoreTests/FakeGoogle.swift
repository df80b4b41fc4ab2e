import Common
import Crypto
import Support
import Synchronization

/// What goes wrong with one request.
enum Fault: String, Sendable, CaseIterable {
  case unavailable, tooMany, resetBeforeBody, resetAfterBody, lostReply, unauthorized
  /// The store keeps less of a chunk than it was sent.
  case keepsLess
  case sessionNotFound, sessionGone
}

/// Google's storage service in small, with preconditions, checksums, sessions and tokens, and with
/// faults to order.
final class FakeGoogle: Sendable {
  struct Object: Sendable, Equatable {
    var content: [UInt8]
    var generation: Int
    var metadata: JSON
  }

  struct State {
    var objects: [String: Object] = [:]
    var sessions: [Int: (name: String, generation: String, description: JSON, bytes: [UInt8])] = [:]
    var received: [Received] = []
    var writes = 0
    var tokens = 0
    /// Bytes of bodies that were kept or could have been.
    var bytes = 0
  }

  /// What the fake adds to, or takes from, the right behaviour.
  struct Behaviour: Sendable {
    /// The fault of the request of that number.
    var fault: @Sendable (Int) -> Fault? = { _ in nil }
    /// Whether it compares checksums, as the real one does.
    var checks = true
    /// Whether it honours preconditions, as emulators may not.
    var honours = true
    /// Whether it lies about the checksum of what it stored.
    var lies = false
    /// What it keeps of a chunk is a multiple of this, as with the real one.
    var granule = 256 << 10
    /// Whether a token is needed.
    var needsToken = false
    /// Which `Authorization` it takes, where tokens come from elsewhere.
    var takes: (@Sendable (String) -> Bool)?
    /// Is called before an upload is looked at: what somebody else does at that moment.
    var meanwhile: @Sendable (inout State) -> Void = { _ in }
  }

  let server: StoreServer
  private let shared: Shared

  private final class Shared: Sendable { let state = Mutex(State()) }

  init(_ behaviour: Behaviour = Behaviour()) throws {
    let shared = Shared()
    self.shared = shared
    server = try StoreServer(
      breaks: { behaviour.fault($0) == .resetBeforeBody },
      react: { request in
        shared.state.withLock { state in
          state.received.append(request)
          state.bytes += request.body.count
          switch behaviour.fault(request.number) {
          case .unavailable: return .answer(503, ["Retry-After": "0"])
          case .tooMany: return .answer(429)
          case .resetAfterBody: return .reset
          case .unauthorized:
            let echo = request.headers["authorization"] ?? ""
            return .answer(401, [:], Self.error(401, "authError", "Invalid \(echo)"))
          case .sessionNotFound where request.method == "PUT": return .answer(404)
          case .sessionGone where request.method == "PUT": return .answer(410)
          case .lostReply:
            _ = Self.react(request, behaviour, &state, keepsLess: false)
            return .reset
          case let fault:
            return Self.react(request, behaviour, &state, keepsLess: fault == .keepsLess)
          }
        }
      })
  }

  func with<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
    shared.state.withLock { state in body(&state) }
  }

  var url: String { server.url }

  private static func react(
    _ request: Received, _ behaviour: Behaviour, _ state: inout State, keepsLess: Bool
  ) -> Reaction {
    if request.path.hasSuffix("/token") {
      state.tokens += 1
      let json = #"{"access_token":"canary-token-\#(state.tokens)","expires_in":3600}"#
      return .answer(200, [:], Array(json.utf8))
    }
    if behaviour.needsToken,
      request.headers["authorization"] != "Bearer canary-token-\(state.tokens)"
    {
      return .answer(401, [:], error(401, "authError", "Invalid Credentials"))
    }
    if let takes = behaviour.takes, !takes(request.headers["authorization"] ?? "") {
      return .answer(401, [:], error(401, "authError", "Invalid Credentials"))
    }
    switch (request.method, request.query("uploadType"), request.query("upload_id")) {
    case ("GET", _, _):
      let name = String(request.path.split(separator: "/").last ?? "")
      guard let object = state.objects[name] else {
        return .answer(404, [:], error(404, "notFound", "No such object"))
      }
      let expected = behaviour.honours ? request.query("ifGenerationMatch") : nil
      guard expected.map({ $0 == "\(object.generation)" }) ?? true else {
        return .answer(412, [:], error(412, "conditionNotMet", "precondition"))
      }
      return describe(object, behaviour)
    case ("DELETE", _, _):
      let name = String(request.path.split(separator: "/").last ?? "")
      return .answer(state.objects.removeValue(forKey: name) == nil ? 404 : 204)
    case ("PUT", _, let id?): return chunk(request, Int(id) ?? 0, behaviour, &state, keepsLess)
    case ("POST", "multipart", _):
      behaviour.meanwhile(&state)
      let parts = parts(request)
      return finish(
        request.query("name") ?? "", request.query("ifGenerationMatch") ?? "", parts.description,
        parts.content, behaviour, &state)
    case ("POST", "resumable", _):
      behaviour.meanwhile(&state)
      let id = state.sessions.count + 1
      state.sessions[id] = (
        request.query("name") ?? "", request.query("ifGenerationMatch") ?? "",
        (try? JSON(parsing: request.body)) ?? .null, []
      )
      return .answer(200, ["Location": "\(request.target)&upload_id=\(id)"])
    default: return .answer(400)
    }
  }

  private static func chunk(
    _ request: Received, _ id: Int, _ behaviour: Behaviour, _ state: inout State, _ keepsLess: Bool
  ) -> Reaction {
    guard var session = state.sessions[id] else { return .answer(404) }
    if let object = state.objects[session.name], object.content == session.bytes,
      object.generation == -id
    {
      return describe(object, behaviour)
    }
    let range = request.headers["content-range"] ?? ""
    let total = Int(range.split(separator: "/").last ?? "") ?? -1
    if let start = Int(range.dropFirst("bytes ".count).prefix { $0 != "-" && $0 != "*" }) {
      guard start <= session.bytes.count else { return .answer(400) }
      let kept =
        keepsLess
        ? request.body.count / 2 / behaviour.granule * behaviour.granule : request.body.count
      session.bytes = Array(session.bytes.prefix(start) + request.body.prefix(kept))
      state.sessions[id] = session
    }
    guard session.bytes.count == total else {
      let last = session.bytes.count - 1
      return .answer(308, last < 0 ? [:] : ["Range": "bytes=0-\(last)"])
    }
    return finish(
      session.name, session.generation, session.description, session.bytes, behaviour, &state,
      as: -id)
  }

  private static func finish(
    _ name: String, _ generation: String, _ description: JSON, _ content: [UInt8],
    _ behaviour: Behaviour, _ state: inout State, as number: Int? = nil
  ) -> Reaction {
    guard !behaviour.honours || "\(state.objects[name]?.generation ?? 0)" == generation else {
      return .answer(412, [:], error(412, "conditionNotMet", "precondition"))
    }
    if behaviour.checks, description["crc32c"]?.string != crc32c(content) {
      return .answer(
        400, [:], error(400, "invalid", "Provided CRC32C doesn't match calculated CRC32C"))
    }
    state.writes += 1
    let object = Object(
      content: content, generation: number ?? state.writes,
      metadata: description["metadata"] ?? .null)
    state.objects[name] = object
    return describe(object, behaviour)
  }

  private static func describe(_ object: Object, _ behaviour: Behaviour) -> Reaction {
    let json = JSON.object([
      "generation": .string("\(object.generation)"), "size": .string("\(object.content.count)"),
      "crc32c": .string(crc32c(behaviour.lies ? [1] : object.content)),
      "md5Hash": .string(md5(object.content)), "metadata": object.metadata,
    ])
    return .answer(200, [:], json.serialized())
  }

  private static func parts(_ request: Received) -> (description: JSON, content: [UInt8]) {
    let type = request.headers["content-type"] ?? ""
    let boundary = Array(("--" + (type.split(separator: "=").last ?? "")).utf8)
    let blank = Array("\r\n\r\n".utf8)
    guard let head = request.body.firstRange(of: blank),
      let middle = request.body[head.upperBound...].firstRange(of: boundary),
      let start = request.body[middle.upperBound...].firstRange(of: blank)
    else { return (.null, []) }
    let description = Array(request.body[head.upperBound..<middle.lowerBound].dropLast(2))
    let content = request.body[start.upperBound...].dropLast(boundary.count + 6)
    return ((try? JSON(parsing: description)) ?? .null, Array(content))
  }

  private static func crc32c(_ bytes: [UInt8]) -> String {
    var checksum = CRC32C()
    bytes.withUnsafeBytes { checksum.update($0) }
    return Base64.encode(checksum.bytes)
  }

  private static func md5(_ bytes: [UInt8]) -> String {
    var digest = Digest(.md5)
    bytes.withUnsafeBytes { digest.update($0) }
    return Base64.encode(digest.finish())
  }

  static func error(_ status: Int, _ reason: String, _ message: String) -> [UInt8] {
    JSON.object([
      "error": .object([
        "code": .int(status), "message": .string(message),
        "errors": .array([.object(["reason": .string(reason)])]),
      ])
    ]).serialized()
  }
}
