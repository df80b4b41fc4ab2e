import Files
import Common
import Glibc
import Testing

@testable import portal

/// The server in this process, on a free port, with raw sockets for clients.
@Suite struct ServerTests {
  /// Runs `body` against a server with these faults.
  private func withServer(
    faults: [FaultRule] = [], stall: Double = 60, _ body: @Sendable (_ server: Running) -> Void
  ) throws {
    let listener = try Listener(Endpoint(host: "127.0.0.1", port: 0))
    let context = ServerContext(
      site: Site(
        catalogue: Catalogue(count: 20, seed: 7, isBulk: true),
        scans: ScanStore(seed: 7, bulkSize: 100_000)),
      behaviour: Behaviour(
        seed: 7, latency: 0, jitter: 0, stall: stall, retryAfter: 1,
        faults: FaultPlan(rules: faults, seed: 7)),
      log: nil)
    let server = Server(listener: listener) {
      Connection(number: $0, socket: $1, server: $2, context: context).serve()
    }
    let port = UInt16(listener.url.split(separator: ":").last ?? "") ?? 0
    withThreads(2) { number in
      if number == 1 {
        server.run()
      } else {
        body(Running(port: port))
        server.stop.request(.interrupted)
      }
    }
  }

  /// A client's view of the server.
  private struct Running: Sendable {
    let port: UInt16

    /// Sends `text` on a connection of its own and reads to its end. `error` is 0 for an orderly
    /// end.
    func exchange(_ text: String) -> (answer: [UInt8], error: Int32) {
      let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(client) }
      var limit = timeval(tv_sec: 20, tv_usec: 0)
      setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      guard var address = Endpoint(host: "127.0.0.1", port: port).address else { return ([], -1) }
      let isConnected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
      guard isConnected, writeAll(Array(text.utf8), to: client) == 0 else { return ([], -1) }
      var answer: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = read(client, &buffer, buffer.count)
        if count <= 0 { return (answer, count == 0 ? 0 : errno) }
        answer += buffer[..<count]
      }
    }

    func get(_ path: String, close: Bool = true) -> String {
      "GET \(path) HTTP/1.1\r\nHost: portal\r\n\(close ? "Connection: close\r\n" : "")\r\n"
    }

    /// The number of times that `text` stands in the bytes.
    func count(_ text: String, in bytes: [UInt8]) -> Int {
      String(decoding: bytes, as: Unicode.ASCII.self).split(
        separator: text, omittingEmptySubsequences: false
      ).count - 1
    }
  }

  @Test func `a document comes whole, and requests one after the other`() throws {
    try withServer { portal in
      let (answer, error) = portal.exchange(
        portal.get("/documents/1.pdf", close: false) + portal.get("/nowhere", close: false)
          + portal.get("/documents/2.pdf"))
      #expect(error == 0)
      #expect(portal.count("HTTP/1.1 200 OK\r\n", in: answer) == 2)
      #expect(portal.count("HTTP/1.1 404 Not Found\r\n", in: answer) == 1)
      #expect(portal.count("%%EOF\n", in: answer) == 2)
      #expect(answer.count > 200_000)
    }
  }

  @Test func `HEAD has no body and nonsense gets an answer`() throws {
    try withServer { portal in
      let head = portal.exchange(
        "HEAD /documents/1.pdf HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
      #expect(head.answer.count < 600)
      #expect(portal.count("\r\nContent-Length: 100", in: head.answer) == 1)
      let long = "GET / HTTP/1.1\r\nA: " + String(repeating: "a", count: 40_000)
      #expect(portal.count("HTTP/1.1 431 ", in: portal.exchange(long).answer) == 1)
      let post = portal.exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nnine bits")
      #expect(portal.count("HTTP/1.1 405 ", in: post.answer) == 1)
      #expect(portal.count("\r\nAllow: GET, HEAD\r\n", in: post.answer) == 1)
    }
  }

  @Test func `a body is taken, and another request after it`() throws {
    try withServer { portal in
      let body = "\r\n{\"instrument\":1}"
      let post = "POST /sites/api/v1/search HTTP/1.1\r\nHost: h\r\n"
      let (answer, error) = portal.exchange(
        "\r\n\(post)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
          + portal.get("/documents/1.pdf"))
      #expect(error == 0)
      #expect(portal.count("\"total\":0", in: answer) == 1)
      #expect(portal.count("%%EOF\n", in: answer) == 1)
      let endless = "\(post)Transfer-Encoding: chunked\r\n\r\n"
      #expect(portal.count("HTTP/1.1 411 ", in: portal.exchange(endless).answer) == 1)
      let huge = "\(post)Content-Length: 99999999999\r\n\r\n"
      #expect(portal.count("HTTP/1.1 413 ", in: portal.exchange(huge).answer) == 1)
    }
  }

  @Test func `resets are resets`() throws {
    try withServer(faults: [FaultRule(kind: .reset, share: 1)]) { portal in
      let ends = (1...20).map { _ in portal.exchange(portal.get("/documents/1.pdf")) }
      #expect(ends.allSatisfy { $0.error == ECONNRESET })
      #expect(ends.contains { $0.answer.isEmpty } && ends.contains { !$0.answer.isEmpty })
    }
  }

  @Test func `short and stalled answers end before their length`() throws {
    for kind in [FaultKind.short, .stall] {
      try withServer(faults: [FaultRule(kind: kind, share: 1)], stall: 0.05) { portal in
        for _ in 1...5 {
          let (answer, error) = portal.exchange(portal.get("/documents/1.pdf"))
          #expect(error == 0 && answer.count < 100_000)
          #expect(portal.count("%%EOF\n", in: answer) == 0)
        }
      }
    }
  }

  @Test func `a port that is taken is an unavailable service`() throws {
    let first = try Listener(Endpoint(host: "127.0.0.1", port: 0))
    let port = try #require(UInt16(first.url.split(separator: ":").last ?? ""))
    #expect { try Listener(Endpoint(host: "127.0.0.1", port: port)) } throws: {
      ($0 as? Fatal)?.code == .unavailable
    }
  }

  @Test(arguments: [
    ("127.0.0.1:80", true), ("localhost:0", true), ("127.0.0.1", false), ("::1:80", false),
    ("300.0.0.1:80", false), ("127.0.0.1:65536", false), (":80", false),
  ])
  func `addresses are read`(text: String, isAddress: Bool) {
    #expect((Endpoint(parsing: text) != nil) == isAddress)
  }
}
