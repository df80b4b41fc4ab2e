import Glibc
import Support
import Synchronization

/// A request as it arrived, with its body.
struct Received: Sendable {
  /// From 1, over all connections.
  let number: Int
  let method: String
  let target: String
  let headers: [String: String]
  let body: [UInt8]

  /// The path, without the query.
  var path: String { String(target.prefix { $0 != "?" }) }

  /// A value of the query, as it was encoded.
  func query(_ name: String) -> String? {
    target.split(separator: "?").dropFirst().first?.split(separator: "&")
      .first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
  }
}

/// What a store does with a request.
enum Reaction: Sendable {
  case answer(Int, [String: String] = [:], [UInt8] = [])
  /// Breaks the connection.
  case reset
}

/// An HTTP server that reads bodies, unlike `ScriptedServer`: a test decides what each request comes
/// to. Listens on a free port; ends with its owner.
final class StoreServer: Sendable {
  let url: String
  private let listener: Int32
  private let count = Atomic<Int>(0)

  /// - Parameters:
  ///   - breaks: whether to break the connection before the body of the request of that number.
  ///   - react: what to do once the body is there.
  init(
    breaks: @escaping @Sendable (Int) -> Bool, react: @escaping @Sendable (Received) -> Reaction
  ) throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound else { throw Python.Missing("no port to listen on") }
    url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
    detach { [weak self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0, self != nil else { break }
        detach { [weak self] in
          while let next = self?.next(connection, breaks) {
            guard Self.send(react(next), connection) else { break }
          }
          Self.reset(connection)
          close(connection)
        }
      }
      close(listener)
    }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  private func next(_ connection: Int32, _ breaks: (Int) -> Bool) -> Received? {
    guard let head = Self.head(connection) else { return nil }
    let number = count.add(1, ordering: .relaxed).newValue
    if breaks(number) { return nil }
    let lines = head.split(separator: "\r\n")
    let words = lines[0].split(separator: " ")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let colon = line.firstIndex(of: ":") ?? line.endIndex
      headers[line[..<colon].lowercased()] = String(line[colon...].dropFirst().drop { $0 == " " })
    }
    var body = [UInt8](repeating: 0, count: headers["content-length"].flatMap { Int($0) } ?? 0)
    var filled = 0
    while filled < body.count {
      let count = body.withUnsafeMutableBytes {
        recv(connection, $0.baseAddress?.advanced(by: filled), $0.count - filled, 0)
      }
      guard count > 0 else { return nil }
      filled += count
    }
    return Received(
      number: number, method: String(words[0]), target: String(words[1]), headers: headers,
      body: body)
  }

  private static func head(_ connection: Int32) -> String? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while bytes.count < 65_536, recv(connection, &byte, 1, 0) == 1 {
      bytes.append(byte)
      if byte == 10, bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
        return String(decoding: bytes, as: UTF8.self)
      }
    }
    return nil
  }

  private static func send(_ reaction: Reaction, _ connection: Int32) -> Bool {
    guard case .answer(let status, let headers, let body) = reaction else { return false }
    var text = "HTTP/1.1 \(status) Whatever\r\n"
    if headers["Content-Length"] == nil { text += "Content-Length: \(body.count)\r\n" }
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    let bytes = Array((text + "\r\n").utf8) + body
    return Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }

  private static func reset(_ connection: Int32) {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
  }
}

private final class Job {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

private func detach(_ body: @escaping @Sendable () -> Void) {
  var thread = pthread_t()
  let job = Unmanaged.passRetained(Job(body)).toOpaque()
  pthread_create(
    &thread, nil,
    { raw in
      guard let raw else { return nil }
      Unmanaged<Job>.fromOpaque(raw).takeRetainedValue().body()
      return nil
    }, job)
  pthread_detach(thread)
}
