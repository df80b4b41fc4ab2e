import Common
import Crypto
import Glibc

/// One connection to the stand-in: reads requests with their bodies and answers each at once.
struct StandInConnection: ~Copyable {
  /// Largest upload in one request, in bytes: what Google's own clients send so.
  private static let maximumBody = 64 << 20

  private let socket: Socket
  private let store: StandIn
  private var reader: MessageReader

  init(_ socket: Socket, _ store: StandIn) {
    self.socket = socket
    self.store = store
    reader = MessageReader(socket.descriptor)
  }

  private struct Answer {
    var status = 200
    var headers = ""
    var body = JSON.object([:])

    static let preconditionFailed = error(
      412, "At least one of the pre-conditions you specified did not hold.")

    static func error(_ status: Int, _ message: String) -> Answer {
      let error = JSON.object(["code": .int(status), "message": .string(message)])
      return Answer(status: status, body: .object(["error": error]))
    }
  }

  /// Serves until either side has enough.
  mutating func serve() {
    while let head = reader.head(), let answer = answer(head) {
      let body = [204, 308].contains(answer.status) ? [] : answer.body.serialized()
      let text =
        "HTTP/1.1 \(answer.status) Status\r\nContent-Type: application/json\r\n"
        + "Content-Length: \(body.count)\r\n\(answer.headers)\r\n"
      let bytes = Array(text.utf8) + body
      guard socket.send(bytes[...], more: false) == bytes.count else { return }
    }
  }

  /// `nil` where the connection is broken.
  private mutating func answer(_ head: MessageHead) -> Answer? {
    let path = head.path
    let isUpload = path.first == "upload"
    let place = path.dropFirst(isUpload ? 1 : 0)
    guard place.starts(with: ["storage", "v1", "b"]), place.count >= 4 else {
      return reader.body(head.bodyLength) { _ in } ? .error(404, "Not Found") : nil
    }
    let bucket = place.dropFirst(3).first ?? ""
    switch (head.method, isUpload, head.query("uploadType"), head.query("upload_id")) {
    case ("PUT", true, _, let id?): return chunk(head, id, bucket)
    case ("POST", true, "multipart", _): return multipart(head, bucket)
    case ("POST", true, "media", _): return media(head, bucket)
    case ("POST", true, "resumable", _): return begin(head, bucket)
    case ("DELETE", false, _, _) where place.count >= 6:
      let name = place.dropFirst(5).joined(separator: "/")
      return store.remove("\(bucket)/\(name)") ? Answer(status: 204) : .error(404, "No such object")
    case ("GET", false, _, _) where place.count == 4:
      return Answer(body: .object(["kind": .string("storage#bucket"), "name": .string(bucket)]))
    case ("GET", false, _, _) where place.count >= 6:
      let name = place.dropFirst(5).joined(separator: "/")
      guard let object = store.object("\(bucket)/\(name)") else {
        return .error(404, "No such object: \(bucket)/\(name)")
      }
      guard head.query("ifGenerationMatch").map({ $0 == "\(object.generation)" }) ?? true else {
        return .preconditionFailed
      }
      return describe(object, name, bucket)
    default:
      return reader.body(head.bodyLength) { _ in } ? .error(400, "not of this stand-in") : nil
    }
  }

  private func describe(_ object: StandIn.Object, _ name: String, _ bucket: String) -> Answer {
    var fields = object.description.object ?? [:]
    fields["kind"] = .string("storage#object")
    fields["name"] = .string(name)
    fields["bucket"] = .string(bucket)
    fields["generation"] = .string("\(object.generation)")
    fields["metageneration"] = .string("1")
    fields["size"] = .string("\(object.size)")
    return Answer(body: .object(fields))
  }

  private func put(
    _ name: String, _ bucket: String, size: Int, _ description: JSON, _ expected: String?
  ) -> Answer {
    let object = store.put(
      "\(bucket)/\(name)", size: size, description, ifGeneration: expected)
    guard let object else {
      return .preconditionFailed
    }
    return describe(object, name, bucket)
  }

  private mutating func whole(_ head: MessageHead) -> [UInt8]? {
    guard head.bodyLength <= Self.maximumBody else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(head.bodyLength)
    return reader.body(head.bodyLength) { bytes.append(contentsOf: $0) } ? bytes : nil
  }

  /// Content alone, without a description.
  private mutating func media(_ head: MessageHead, _ bucket: String) -> Answer? {
    guard reader.body(head.bodyLength, { _ in }) else { return nil }
    return put(
      head.query("name") ?? "", bucket, size: head.bodyLength, .object([:]),
      head.query("ifGenerationMatch"))
  }

  private mutating func multipart(_ head: MessageHead, _ bucket: String) -> Answer? {
    guard let body = whole(head) else { return nil }
    let type = head.headers["content-type"] ?? ""
    let boundary = type.split(separator: "boundary=").last?.filter { $0 != "\"" } ?? ""
    let parts = body.withUnsafeBytes { all -> (JSON, Int)? in
      let blank = Array("\r\n\r\n".utf8)
      let mark = Array("\r\n--\(boundary)".utf8)
      guard let first = all.position(of: blank) else { return nil }
      let json = UnsafeRawBufferPointer(rebasing: all[(first + 4)...])
      guard let end = json.position(of: mark),
        let description = try? JSON(parsing: Array(json[..<end]))
      else { return nil }
      let second = UnsafeRawBufferPointer(rebasing: json[end...])
      guard let start = second.position(of: blank) else { return nil }
      let content = UnsafeRawBufferPointer(rebasing: second[(start + 4)...])
      // The last boundary: two hyphens more, and perhaps a line end.
      let tail = mark.count + 2
      let rest = UnsafeRawBufferPointer(rebasing: content[max(0, content.count - tail - 2)...])
      guard let last = rest.position(of: mark) else { return nil }
      let size = content.count - rest.count + last
      guard description["md5Hash"] == nil, description["crc32c"] == nil else {
        return (description, size)
      }
      var fields = description.object ?? [:]
      var md5 = Digest(.md5)
      md5.update(UnsafeRawBufferPointer(rebasing: content[..<size]))
      fields["md5Hash"] = .string(Base64.encode(md5.finish()))
      return (.object(fields), size)
    }
    guard let (description, size) = parts else { return .error(400, "no two parts") }
    return put(
      head.query("name") ?? description["name"]?.string ?? "", bucket, size: size, description,
      head.query("ifGenerationMatch"))
  }

  private mutating func begin(_ head: MessageHead, _ bucket: String) -> Answer? {
    guard let body = whole(head) else { return nil }
    let description = (try? JSON(parsing: body)) ?? .object([:])
    let id = store.begin(
      head.query("name") ?? description["name"]?.string ?? "", description,
      ifGeneration: head.query("ifGenerationMatch"))
    let target = head.target.prefix { $0 != "?" }
    let host = head.headers["host"] ?? ""
    let location = "http://\(host)\(target)?uploadType=resumable&upload_id=\(id)"
    return Answer(headers: "Location: \(location)\r\n")
  }

  private mutating func chunk(_ head: MessageHead, _ id: String, _ bucket: String) -> Answer? {
    guard let session = store.session(id) else {
      return reader.body(head.bodyLength) { _ in } ? .error(404, "no such session") : nil
    }
    let range = (head.headers["content-range"] ?? "").dropFirst("bytes ".count)
    let start = Int(range.prefix { $0 != "-" && $0 != "*" }) ?? session.count
    guard start == session.count else {
      return reader.body(head.bodyLength) { _ in } ? .error(400, "not where it ended") : nil
    }
    guard reader.body(head.bodyLength, { session.add($0.count) }) else { return nil }
    let count = session.count
    guard Int(range.split(separator: "/").last ?? "") == count else {
      return Answer(status: 308, headers: count == 0 ? "" : "Range: bytes=0-\(count - 1)\r\n")
    }
    store.end(id)
    // Google's client names its checksum with the last chunk and wants to read it again.
    var fields = session.description.object ?? [:]
    let sums = (head.headers["x-goog-hash"] ?? "").split(separator: "=", maxSplits: 1)
    if sums.count == 2 {
      fields[sums[0] == "md5" ? "md5Hash" : "crc32c"] = .string(String(sums[1]))
    }
    return put(session.name, bucket, size: count, .object(fields), session.expected)
  }
}
