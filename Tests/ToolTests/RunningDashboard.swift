import Common
import Foundation
import Glibc
import Support
import Testing

/// The built dashboard, on a free port, and clients of it that speak bytes: no library stands between an attack and
/// the server.
final class RunningDashboard {
  let program: Program
  let port: Int
  let token: String

  var host: String { "127.0.0.1:\(port)" }
  var origin: String { "http://\(host)" }

  /// Starts one on an index.
  init(index: String, state: String, _ options: [String] = [], listen: String = "127.0.0.1:0")
    throws
  {
    program = try Program(
      "dashboard", ["--index", index, "--state", state, "--listen", listen] + options)
    var url = ""
    let isUp = eventually { [program] in
      url = program.text
      return url.hasSuffix("\n") || program.errors.contains("dashboard:")
    }
    let found = try #require(
      url.firstMatch(of: /http:\/\/127\.0\.0\.1:([0-9]+)\/(?:\?token=([0-9a-f]{64}))?\n/),
      "\(isUp): \(url) \(program.errors)")
    port = try #require(Int(found.1))
    token = found.2.map(String.init) ?? ""
  }

  /// What came back for a request.
  struct Answer {
    let status: Int
    let head: String
    let body: String

    func field(_ name: String) -> String? {
      head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("\(name.lowercased()):") }
        .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }
  }

  /// Asks with these header fields, and with the token unless `isStranger`.
  func ask(
    _ method: String, _ path: String, _ fields: [String: String] = [:], body: String = "",
    isStranger: Bool = false
  ) throws -> Answer {
    var all = ["Host": host]
    if !isStranger { all["Authorization"] = "Bearer \(token)" }
    if method == "POST" {
      all["Content-Length"] = String(body.utf8.count)
      all["Content-Type"] = "application/x-www-form-urlencoded"
    }
    all.merge(fields) { $1 }
    let head = all.filter { !$0.value.isEmpty }.map { "\($0.key): \($0.value)\r\n" }.joined()
    let client = try Client(port)
    client.send("\(method) \(path) HTTP/1.1\r\n\(head)\r\n\(body)")
    return try client.answer()
  }

  func status() throws -> JSON { try JSON(parsing: try ask("GET", "/api/status").body) }

  /// Bytes of memory that are the process's own.
  func memory() throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process())/status", encoding: .utf8)
    let found = try #require(text.firstMatch(of: /RssAnon:\s+([0-9]+) kB/))
    return try #require(Int(found.1)) * 1024
  }

  private func process() throws -> String {
    let found = try run(
      "/bin/sh", ["-c", "ss -Hltnp 'sport = :\(port)' | sed -n 's/.*pid=\\([0-9]*\\).*/\\1/p'"])
    return found.text.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// A connection of bytes.
final class Client {
  private let descriptor: Int32

  init(_ port: Int, seconds: Int = 30) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var patience = timeval(tv_sec: seconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(
        descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
    }
    let isThere = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    try #require(isThere, "\(String(cString: strerror(errno)))")
  }

  deinit { close(descriptor) }

  /// Takes in as little as the system allows, so that what is not read stays with the server.
  func shrink() {
    var size: Int32 = 1024
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
  }

  /// False when the other side has gone.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool { LoopbackListener.send(bytes, descriptor) }

  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  /// Up to `count` bytes; none at the end of the connection, `nil` where nothing came in time.
  func read(_ count: Int = 65_536) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = recv(descriptor, &bytes, count, 0)
    if got < 0, errno == EAGAIN { return nil }
    return Array(bytes.prefix(max(0, got)))
  }

  /// Exactly so many bytes; `nil` where they did not come.
  func readAll(_ count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    while bytes.count < count {
      guard let more = read(count - bytes.count), !more.isEmpty else { return nil }
      bytes += more
    }
    return bytes
  }

  /// Whether the other side ends the connection, whatever it says before that.
  var ends: Bool {
    while let bytes = read() { if bytes.isEmpty { return true } }
    return false
  }

  /// Whether it has ended it already.
  var hasEnded: Bool {
    var byte: UInt8 = 0
    let got = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK))
    return got == 0 || got < 0 && errno != EAGAIN
  }

  /// All until the end.
  func answer() throws -> RunningDashboard.Answer {
    var bytes: [UInt8] = []
    while let more = read(), !more.isEmpty { bytes += more }
    let text = String(decoding: bytes, as: UTF8.self)
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    let head = parts.first.map(String.init) ?? ""
    let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    return .init(
      status: try #require(status, "\(text.prefix(200))"), head: head,
      body: parts.count > 1 ? String(parts[1]) : "")
  }

  // MARK: WebSocket (RFC 6455)

  /// Asks for a socket; the head of the answer.
  func upgrade(_ dashboard: RunningDashboard, origin: String? = nil) throws -> String {
    send(
      "GET /live HTTP/1.1\r\nHost: \(dashboard.host)\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + "Authorization: Bearer \(dashboard.token)\r\nOrigin: \(origin ?? dashboard.origin)\r\n\r\n"
    )
    var head: [UInt8] = []
    while head.count < 8192, let byte = read(1), !byte.isEmpty {
      head += byte
      if head.suffix(4).elementsEqual("\r\n\r\n".utf8) { break }
    }
    return String(decoding: head, as: UTF8.self)
  }

  /// The next frame: its kind and what it holds.
  func frame() -> (opcode: UInt8, payload: [UInt8])? {
    guard let head = readAll(2) else { return nil }
    var length = Int(head[1] & 0x7F)
    if length >= 126 {
      guard let more = readAll(length == 126 ? 2 : 8) else { return nil }
      length = more.reduce(0) { $0 << 8 | Int($1) }
    }
    guard let payload = length == 0 ? [] : readAll(length) else { return nil }
    return (head[0] & 0x0F, payload)
  }

  /// The panels of the next message.
  func panels() throws -> [String: String] {
    while let (opcode, payload) = frame() {
      guard opcode == 1 else { continue }
      let json = try JSON(parsing: String(decoding: payload, as: UTF8.self))
      return (json.object?.members ?? []).reduce(into: [:]) { $0[$1.name] = $1.value.string }
    }
    return [:]
  }

  /// A frame as a client sends it: masked, with a mask of zeros.
  static func frame(_ opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
    precondition(payload.count < 126)
    return [0x80 | opcode, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
  }
}
