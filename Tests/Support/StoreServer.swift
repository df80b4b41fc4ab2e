import Glibc
import Synchronization

/// A request as it arrived, with its body.
package struct Received: Sendable {
  /// From 1, over all connections.
  package let number: Int
  /// Like `PUT`.
  package let method: String
  /// Path and query.
  package let target: String
  /// Names in lower case.
  package let headers: [String: String]
  /// All of it.
  package let body: [UInt8]

  /// The path, without the query.
  package var path: String { String(target.prefix { $0 != "?" }) }

  /// A value of the query, as it was encoded.
  package func query(_ name: String) -> String? {
    target.split(separator: "?").dropFirst().first?.split(separator: "&")
      .first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
  }
}

/// What a store does with a request.
package enum Reaction: Sendable {
  /// Status, header fields and body.
  case answer(Int, [String: String] = [:], [UInt8] = [])
  /// Breaks the connection.
  case reset
}

/// An HTTP server that reads bodies, unlike `ScriptedServer`: a test decides what each request comes
/// to. Listens on a free port; ends with its owner.
package final class StoreServer: Sendable {
  private let listener: LoopbackListener

  /// Where it listens: `http://127.0.0.1:PORT`.
  package var url: String { listener.url }

  /// Starts a server.
  ///
  /// - Parameters:
  ///   - breaks: whether to break the connection before the body of the request of that number.
  ///   - react: what to do once the body is there.
  package init(
    breaks: @escaping @Sendable (Int) -> Bool = { _ in false },
    react: @escaping @Sendable (Received) -> Reaction
  ) throws {
    let counter = Counter()
    listener = try LoopbackListener { connection in
      while let request = Self.next(connection, counter, breaks) {
        guard Self.send(react(request), connection) else { break }
      }
      LoopbackListener.resetOnClose(connection)
    }
  }

  private final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
  }

  private static func next(
    _ connection: Int32, _ counter: Counter, _ breaks: (Int) -> Bool
  ) -> Received? {
    guard let head = LoopbackListener.head(connection) else { return nil }
    let number = counter.next()
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

  private static func send(_ reaction: Reaction, _ connection: Int32) -> Bool {
    guard case .answer(let status, let headers, let body) = reaction else { return false }
    var text = "HTTP/1.1 \(status) Whatever\r\n"
    if headers["Content-Length"] == nil { text += "Content-Length: \(body.count)\r\n" }
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    return LoopbackListener.send(Array((text + "\r\n").utf8) + body, connection)
  }
}
