import Common
import Support
import Testing

/// TLS with certificates made for the test, against the server that OpenSSL brings.
@Suite("Certificates are always verified")
struct CertificateTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
    try folder.write(PDFBuilder.scan(), to: "a.pdf")
  }

  private func openssl(_ arguments: [String], at time: String = "now") throws {
    let made = try run(
      "/usr/bin/faketime", [time, "openssl"] + arguments, lines: [], directory: folder.path)
    #expect(made.code == 0, "\(made.errors)")
  }

  /// A server whose certificate was made at a time, as date(1) reads it, and good for two days.
  private func serve(since time: String) throws -> (server: Program, port: String) {
    try openssl([
      "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
      "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "request.pem",
    ])
    try openssl(
      [
        "x509", "-req", "-in", "request.pem", "-signkey", "key.pem", "-days", "2",
        "-copy_extensions", "copyall", "-out", "cert.pem",
      ], at: time)
    let server = try Program(
      "/usr/bin/openssl",
      ["s_server", "-accept", "127.0.0.1:0", "-key", "key.pem", "-cert", "cert.pem", "-WWW"],
      directory: folder.path)
    // It says "ACCEPT 127.0.0.1:PORT" once it listens.
    func address() -> String? {
      server.text.split(separator: "\n").first { $0.hasPrefix("ACCEPT 127") }?
        .split(separator: ":").last.map(String.init)
    }
    #expect(eventually { address() != nil }, "\(server.errors)")
    return (server, address() ?? "")
  }

  private func fetch(
    _ host: String, since time: String = "now", trusting: Bool
  ) throws -> Finished {
    let (server, port) = try serve(since: time)
    defer { server.signal(15) }
    return try run(
      "fetch",
      [
        "--state", folder.path + "/state", "--retries", "0", "--rate-limit-delay", "0",
        "--connect-timeout", "5",
      ] + (trusting ? ["--cacert", folder.path + "/cert.pem"] : []),
      lines: [#"{"id":"1","url":"https://\#(host):\#(port)/a.pdf"}"#], directory: folder.path)
  }

  @Test("One that nobody vouches for is refused")
  func unknown() throws {
    let end = try fetch("localhost", trusting: false)
    try isRefused(end)
    #expect(end.errors.contains("certificate"))
  }

  @Test("One of another host is refused")
  func otherHost() throws {
    let end = try fetch("127.0.0.1", trusting: true)
    try isRefused(end)
  }

  /// Nothing was ever good, and waiting does not help: the run ends at once, and no document is at fault.
  private func isRefused(_ end: Finished) throws {
    #expect(end.code == ToolExit.unavailable.rawValue)
    #expect(end.errors.contains("--cacert"), "\(end.errors)")
    #expect(try end.records.first?["error"]?["counts"] == .bool(false))
  }

  @Test("One that --cacert vouches for is good")
  func trusted() throws {
    let end = try fetch("localhost", trusting: true)
    #expect(end.code == 0, "\(end.text)")
    #expect(try end.records.first?["fetch"]?["bytes"] == .int(PDFBuilder.scan().count))
  }

  @Test("One that has expired is refused")
  func expired() throws {
    let end = try fetch("localhost", since: "10 days ago", trusting: true)
    try isRefused(end)
    #expect(end.errors.contains("expired"), "\(end.errors)")
  }
}
