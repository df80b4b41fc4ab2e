import Common
import Support
import Testing

/// TLS with certificates made for the test, against the server that OpenSSL brings.
@Suite("Certificates are always verified")
struct CertificateTests {
  private let folder: TemporaryDirectory
  private let server: Program
  private let port: String

  init() throws {
    let folder = try TemporaryDirectory()
    self.folder = folder
    try folder.write("%PDF-1.4\nscan\n%%EOF\n", to: "a.pdf")
    let made = try run(
      "/usr/bin/openssl",
      [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem",
      ], lines: [], directory: folder.path)
    #expect(made.code == 0, "\(made.errors)")
    let server = try Program(
      "/usr/bin/openssl",
      ["s_server", "-accept", "127.0.0.1:0", "-key", "key.pem", "-cert", "cert.pem", "-WWW"],
      directory: folder.path)
    self.server = server
    // It says "ACCEPT 127.0.0.1:PORT" once it listens.
    func address() -> String? {
      server.text.split(separator: "\n").first { $0.hasPrefix("ACCEPT 127") }?
        .split(separator: ":").last.map(String.init)
    }
    #expect(eventually(within: 20) { address() != nil }, "\(server.errors)")
    port = address() ?? ""
  }

  private func fetch(_ host: String, trusting: Bool) throws -> Finished {
    try run(
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
    #expect(end.code == ExitCode.documentsFailed.rawValue)
    #expect(try end.records.first?["error"]?["class"] == .string("network"))
    #expect(end.text.contains("certificate"))
  }

  @Test("One of another host is refused")
  func otherHost() throws {
    let end = try fetch("127.0.0.1", trusting: true)
    #expect(try end.records.first?["error"]?["class"] == .string("network"))
  }

  @Test("One that --cacert vouches for is good")
  func trusted() throws {
    let end = try fetch("localhost", trusting: true)
    #expect(end.code == 0, "\(end.text)")
    #expect(try end.records.first?["fetch"]?["bytes"] == .int(20))
  }
}
