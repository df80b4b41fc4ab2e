import Checkpoint
import Limiter
import Common
import Support
import Testing
import HTTP

@testable import fetch

/// Found by `Tests/Torture/secrecy.py`: a server that says back what it was told in confidence had it in our
/// log, in the checkpoint and in the record (promise P13).
@Suite struct HeaderSecretsTests {
  private static let secret = "canary-0123456789"

  @Test(arguments: [
    "Authorization: Bearer \(secret)", "Cookie: theme=dark; session=\(secret)",
    "X-Api-Key: \(secret)",
  ])
  func anEchoOfAHeaderIsHidden(_ field: String) throws {
    let parts = field.split(separator: ":", maxSplits: 1).map(String.init)
    let echoes = [
      BadServerTests.whole("200 OK", "<title>\(Self.secret)</title>"),
      BadServerTests.whole("302 Found", "", ["Location: ftp://x/\(Self.secret)"]),
      BadServerTests.whole("302 Found", "", ["Location: http://\(Self.secret).example.org/"]),
      BadServerTests.whole("200 OK", BadServerTests.pdf, ["ETag: \"\(Self.secret)\""]),
    ]
    let server = try ScriptedServer { head, number in
      #expect(head.contains(Self.secret))
      return [echoes[(number - 1) % echoes.count]]
    }
    let run = try FetchRun {
      $0.transfer.headers = [(parts[0], String(parts[1].dropFirst()))]
    }
    for id in 1...echoes.count {
      let told =
        switch try run.fetch(server.url + "/\(id).pdf", id: "\(id)") {
        case .success(let record): JSON.object(record.fields).description
        case .failure(let error): error.message
        }
      #expect(told.contains("***"))
      #expect(!told.contains(Self.secret))
      let entry = try #require(try run.services.checkpoint.entry("\(id)"))
      #expect(!"\(entry)".contains(Self.secret))
    }
    #expect(server.requests.count == echoes.count)
  }

  @Test(arguments: [
    ("http://me:canary@proxy.example.org:3128", "canary"), ("me:canary@proxy:1", "canary"),
    ("socks5://me:c%40nary@proxy", "c@nary"), ("http://me:canary@proxy", "bWU6Y2FuYXJ5"),
  ])
  func aProxysPasswordIsHidden(proxy: String, shown: String) {
    let headerSecrets = HeaderSecrets(headers: [], proxies: [proxy])
    #expect(headerSecrets.hidden(in: "said \(shown) to me") == "said *** to me")
  }

  /// What a server says is cut to a readable length before it is told.
  @Test func theBeginningOfALongTokenIsHidden() {
    let token = "canary-" + String(repeating: "0123456789abcdef", count: 40)
    let headerSecrets = HeaderSecrets(headers: [("Authorization", "Bearer \(token)")], proxies: [])
    for length in [8, 9, 60, token.count] {
      let told = headerSecrets.hidden(in: "a page \"\(token.prefix(length))…\" and again \(token)")
      #expect(told == "a page \"***…\" and again ***")
    }
  }

  @Test func whatEverybodyMaySeeIsNotHidden() {
    let headerSecrets = HeaderSecrets(
      headers: [("Accept", "application/pdf"), ("X-Mode", "fast")],
      proxies: ["http://proxy.example.org:3128", ""])
    let text = "a page where application/pdf should be: fast proxy.example.org"
    #expect(headerSecrets.hidden(in: text) == text)
  }
}
