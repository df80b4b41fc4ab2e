import Common
import Glibc
import Support
import Testing

@testable import Redis

/// Connections to a real Redis.
@Suite(.enabled(if: RedisServer.isInstalled)) struct ConnectionTests {
  private func settings(
    _ url: String, _ variables: [String: String] = [:]
  ) throws -> RedisSettings {
    try RedisSettings(url: url, for: "test") { variables[$0] }
  }

  @Test func `bytes of any kind and size come back, and errors are replies like others`() throws {
    let connection = try RedisConnection(
      settings(try RedisServer.shared.get().url(1)), timeout: 10)
    let bytes = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0) }
    let key = Array("k".utf8)
    let replies = try connection.replies(to: [
      RedisCommand([Array("SET".utf8), key, bytes]), RedisCommand("LPUSH", "k", "x"),
      RedisCommand("GET", "k"), RedisCommand("DEL", "k"),
    ])
    guard case .error(let text) = replies[1] else {
      Issue.record("\(replies[1])")
      return
    }
    #expect(text.hasPrefix("WRONGTYPE"))
    #expect(replies[2].bytes == bytes)
    #expect(replies[3].int == 1)
    #expect(connection.isAlive && connection.isPersistent && connection.run.count == 40)
    let error = #expect(throws: RedisError.self) {
      try connection.ask([RedisCommand("NONSENSE")])
    }
    #expect(error?.isPassing == false)
    #expect(try connection.ask([RedisCommand("PING")])[0].string == "PONG")
  }

  @Test func `a reply that does not come in time ends the connection`() throws {
    let connection = try RedisConnection(
      settings(try RedisServer.shared.get().url(2)), timeout: 10)
    let error = #expect(throws: RedisError.self) {
      try connection.ask([RedisCommand("BLPOP", "never", "0")], timeout: 0.05)
    }
    #expect(error?.isPassing == true)
    #expect(!connection.isAlive)
  }

  @Test func `certificates are verified, and a password may be in a file`() throws {
    let folder = try TemporaryDirectory()
    for name in ["right", "wrong"] {
      _ = try answer(
        of: """
          openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
          -addext subjectAltName=DNS:localhost -keyout \(folder.path)/\(name).key -out \(folder.path)/\(name).pem \
          2>/dev/null
          """)
    }
    let tls = try ServerScript.freePort()
    let server = try RedisServer(
      "--tls-port", "\(tls)", "--tls-cert-file", "\(folder.path)/right.pem", "--tls-key-file",
      "\(folder.path)/right.key", "--tls-auth-clients", "no", "--requirepass", "sesame-open")
    try folder.write("sesame-open\n", to: "password")
    _ = try answer(of: "chmod 600 \(folder.path)/password")
    let files = [
      "CONVEYOR_REDIS_PASSWORD_FILE": "\(folder.path)/password",
      "CONVEYOR_REDIS_CA_FILE": "\(folder.path)/right.pem",
    ]
    let url = "rediss://localhost:\(tls)/1"
    let connection = try RedisConnection(settings(url, files), timeout: 10)
    #expect(try connection.ask([RedisCommand("PING")])[0].string == "PONG")
    for (host, authority) in [("localhost", "wrong"), ("127.0.0.1", "right")] {
      var files = files
      files["CONVEYOR_REDIS_CA_FILE"] = "\(folder.path)/\(authority).pem"
      let error = #expect(throws: RedisError.self) {
        try RedisConnection(settings("rediss://\(host):\(tls)/1", files), timeout: 10)
      }
      #expect(error.map { Fatal($0, "x", "test").code } == .permission, "\(host) \(authority)")
    }
    // A variable comes before the file, the URL before both.
    #expect(throws: RedisError.self) {
      try RedisConnection(
        settings(url, files.merging(["CONVEYOR_REDIS_PASSWORD": "wrong-one"]) { $1 }), timeout: 10)
    }
    let plain = "redis://:sesame%2Dopen@127.0.0.1:\(server.port)"
    _ = try RedisConnection(
      settings(plain, ["CONVEYOR_REDIS_PASSWORD": "wrong-one"]), timeout: 10)
    #expect(try settings(plain).description == "redis://127.0.0.1:\(server.port)/0")
    #expect(SecretRedactor.message("it said sesame-open") == "it said ***")
  }

  @Test func `a server of another kind is told apart`() throws {
    let server = try LoopbackListener { connection in
      _ = "HTTP/1.1 400 Bad Request\r\n\r\n".withCString { write(connection, $0, strlen($0)) }
    }
    let address = server.url.dropFirst("http://".count)
    let error = #expect(throws: RedisError.self) {
      try RedisConnection(settings("redis://\(address)"), timeout: 5)
    }
    #expect(error.map { Fatal($0, "x", "test").code } == .unavailable)
  }
}
