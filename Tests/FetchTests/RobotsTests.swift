import Common
import Foundation
import HTTP
import Limiter
import Support
import Testing

@testable import fetch

@Suite("What robots.txt says")
struct RobotsFileTests {
  private static func file(_ text: String, _ agent: String = "Conveyor/0.1 (me@example.org)")
    -> RobotsFile
  {
    RobotsFile(Array(text.utf8), for: agent)
  }

  @Test(
    "Which paths are forbidden",
    arguments: [
      // Nothing, and nothing that is meant for us.
      ("", "/a", nil), ("<html>Disallow: /</html>", "/a", nil), ("Disallow: /", "/a", nil),
      ("User-agent: otherbot\nDisallow: /", "/a", nil),
      // Everybody's group, ours, and both.
      ("User-agent: *\nDisallow: /docs", "/docs/1.pdf", "/docs"),
      ("User-agent: *\nDisallow: /docs", "/Docs/1.pdf", nil),
      ("user-agent:conveyor\ndisallow:/docs", "/docs/1.pdf", "/docs"),
      ("User-agent: *\nDisallow: /\n\nUser-agent: Conveyor\nDisallow: /x", "/docs", nil),
      ("User-agent: *\nDisallow: /\nUser-agent: Conveyor\nDisallow:", "/docs", nil),
      ("User-agent: Conveyor-other\nDisallow: /", "/docs", nil),
      ("User-agent: Conveyor/2.0\nDisallow: /", "/docs", "/"),
      // A group for several, and two groups for one.
      ("User-agent: a\nUser-agent: Conveyor\nDisallow: /b", "/b", "/b"),
      ("User-agent: Conveyor\nDisallow: /a\n\nUser-agent: Conveyor\nDisallow: /b", "/b", "/b"),
      ("User-agent: Conveyor\nDisallow: /a\n\nUser-agent: Conveyor\nDisallow: /b", "/a", "/a"),
      // What is not known parts no group; a delay does.
      ("User-agent: Conveyor\nSitemap: /s\nUser-agent: x\nDisallow: /b", "/b", "/b"),
      ("User-agent: Conveyor\nCrawl-delay: 1\nUser-agent: x\nDisallow: /b", "/b", nil),
      // The longest pattern decides, and Allow where they are as long.
      ("User-agent: *\nDisallow: /\nAllow: /docs/", "/docs/1", nil),
      ("User-agent: *\nAllow: /docs\nDisallow: /docs/secret", "/docs/secret/1", "/docs/secret"),
      ("User-agent: *\nDisallow: /docs\nAllow: /docs", "/docs", nil),
      // Stars and ends.
      ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf", "/*.pdf$"),
      ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf?x", nil),
      ("User-agent: *\nDisallow: /*?id=", "/view?book=1&?id=4", "/*?id="),
      ("User-agent: *\nDisallow: *", "/", "*"), ("User-agent: *\nDisallow: /$", "/a", nil),
      ("User-agent: *\nDisallow: /a$b", "/a$b", "/a$b"),
      ("User-agent: *\nDisallow: /**a*b*", "/xaxxb", "/**a*b*"),
      // One way of percent-encoding (the table of RFC 9309, section 2.2.2).
      ("User-agent: *\nDisallow: /foo/bar/ツ", "/foo/bar/%E3%83%84", "/foo/bar/%E3%83%84"),
      ("User-agent: *\nDisallow: /foo/bar/%e3%83%84", "/foo/bar/%E3%83%84/x", "/foo/bar/%E3%83%84"),
      ("User-agent: *\nDisallow: /foo/%62%61%7A", "/foo/baz", "/foo/baz"),
      ("User-agent: *\nDisallow: /a%2Fb", "/a/b", nil),
      ("User-agent: *\nDisallow: /%", "/%zz", "/%"),
      // Comments, marks, ends of lines, and what people forget.
      ("\u{FEFF}User-agent: * # all\r\nDisallow: /x # not this", "/x", "/x"),
      ("User-agent: *\rDisallow: /x\r", "/x", "/x"), ("user-agent *\ndisallow /x", "/x", "/x"),
      ("  User-Agent :\t*  \n\tDISALLOW\t: /x", "/x", "/x"),
      ("User-agent: *\nDisallow: /", "/robots.txt", nil),
    ])
  func rules(text: String, path: String, pattern: String?) {
    #expect(Self.file(text).forbids(path)?.text == pattern)
  }

  @Test(
    "Which delay is asked for",
    arguments: [
      ("User-agent: *\nCrawl-delay: 5", 5), ("User-agent: *\nCrawl-delay: 0.25", 0.25),
      ("User-agent: *\nCrawl-delay: 5\nCrawl-delay: 7", 7), ("Crawl-delay: 5", nil),
      ("User-agent: other\nCrawl-delay: 5", nil),
      ("User-agent: *\nCrawl-delay: 5\nUser-agent: Conveyor\nCrawl-delay: 2", 2),
      ("User-agent: *\nCrawl-delay: 5\nUser-agent: Conveyor\nDisallow: /x", nil),
      ("User-agent: *\nCrawl-delay: 86400", 3600), ("User-agent: *\nCrawl-delay: 1e300", 3600),
      ("User-agent: *\nCrawl-delay: -5", nil), ("User-agent: *\nCrawl-delay: nan", nil),
      ("User-agent: *\nCrawl-delay: inf", nil), ("User-agent: *\nCrawl-delay: 10s", nil),
      ("User-agent: *\nCrawl-delay:", nil), ("User-agent: *\nCrawl-delay: 0", nil),
    ])
  func delays(text: String, delay: Double?) { #expect(Self.file(text).delay == delay) }

  @Test("Hostile files take no time and no memory")
  func hostile() {
    let stars = "User-agent: *\nDisallow: /" + String(repeating: "*a", count: 2000) + "$"
    let began = Time.ofThread()
    #expect(Self.file(stars).forbids("/" + String(repeating: "a", count: 8000) + "b") == nil)
    #expect(Double(Time.ofThread() - began) / 1e9 < 30)
    let many = "User-agent: *\n" + String(repeating: "Disallow: /x\n", count: 100_000)
    #expect(Self.file(many).rules.count == 10_000)
    let random = (0..<4096).map { _ in UInt8.random(in: 0...255) }
    _ = RobotsFile(random, for: "").forbids("/\u{0}%")
  }
}

@Suite("robots.txt of a host that is asked")
struct RobotsTests {
  private static let pdf = PDFBuilder.scan()

  /// A server whose robots.txt is `robots`, and everything else is a document.
  private static func server(_ robots: [ScriptedServer.Step]) throws -> ScriptedServer {
    try ScriptedServer { head, _ in
      guard !head.hasPrefix("GET /robots") else { return robots }
      return [
        .send("HTTP/1.1 200 OK\r\nContent-Length: \(pdf.count)\r\n\r\n"), .sendBytes(pdf),
      ]
    }
  }

  private static func text(_ body: String, _ status: String = "200 OK", _ more: String = "")
    -> [ScriptedServer.Step]
  {
    [.send("HTTP/1.1 \(status)\r\n\(more)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")]
  }

  private static func run(_ mode: Robots.Mode = .respect) throws -> FetchRun {
    try FetchRun {
      $0.robots = mode
      $0.transfer.totalTimeout = 1
    }
  }

  private static func requests(_ server: ScriptedServer) -> [String] {
    server.requests.map { String($0.split(separator: " ")[1]) }
  }

  @Test("It is read once, before anything else, and its delay holds for what follows")
  func delay() throws {
    let server = try Self.server(Self.text("User-agent: *\nCrawl-delay: 0.4\nDisallow: /x"))
    let run = try Self.run()
    let began = Time.monotonic()
    for name in ["a", "b", "x"] { _ = try run.fetch("\(server.url)/\(name).pdf", id: name).get() }
    #expect(Self.requests(server) == ["/robots.txt", "/a.pdf", "/b.pdf", "/x.pdf"])
    #expect(Double(Time.monotonic() - began) / 1e9 >= 0.8)
  }

  @Test("Ignored, it is not even asked for")
  func ignored() throws {
    let server = try Self.server(Self.text("User-agent: *\nCrawl-delay: 3000"))
    _ = try Self.run(.ignore).fetch("\(server.url)/a.pdf").get()
    #expect(Self.requests(server) == ["/a.pdf"])
  }

  @Test(
    "Whatever becomes of it, the document is fetched",
    arguments: [
      text("", "404 Not Found"), text("", "403 Forbidden"), text("", "500 Oops"),
      text("", "503 Busy", "Retry-After: 1\r\n"), text("", "204 No Content"),
      text(
        "<html>User-agent: *\nCrawl-delay: 3000</html>", "200 OK", "Content-Type: text/html\r\n"),
      text("", "302 Found", "Location: /robots2.txt\r\n"),
      text("", "302 Found", "Location: http://127.0.0.2:1/robots.txt\r\n"), text("", "302 Found"),
      text("", "301 Moved", "Location: file:///etc/passwd\r\n"),
      [.send("HTTP/1.1 200 OK\r\n\r\n"), .sendForever(Array("Allow: /\n".utf8))],
      [.send("HTTP/1.1 200 OK\r\n\r\n"), .drip(Array("User-agent: *".utf8), every: 0.5)],
      [.stall], [.close], [.reset], [.send("no HTTP\r\n\r\n"), .close],
    ] as [[ScriptedServer.Step]])
  func whatever(robots: [ScriptedServer.Step]) throws {
    let server = try Self.server(robots)
    let run = try Self.run()
    let record = try run.fetch("\(server.url)/a.pdf").get()
    #expect(record.fetch != nil)
    #expect(Self.requests(server).last == "/a.pdf")
    #expect(Self.requests(server).count <= 8)
  }

  @Test(
    "A wish to slow down that comes with it holds for everybody, also where its body breaks off",
    arguments: [
      text("", "503 Busy", "Retry-After: 1\r\n"), text("", "503 Busy"),
      text("", "429 Too Many Requests", "Retry-After: 1\r\n"), text("", "429 Too Many Requests"),
      text("", "500 Oops", "Retry-After: 1\r\n"), text("", "403 Forbidden", "Retry-After: 1\r\n"),
      text("", "302 Found", "Retry-After: 1\r\nLocation: http://127.0.0.2:1/\r\n"),
      [.send("HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 9\r\n\r\nx"), .close],
      [.send("HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 9\r\n\r\nx"), .stall],
    ] as [[ScriptedServer.Step]])
  func slowDown(robots: [ScriptedServer.Step]) throws {
    let server = try Self.server(robots)
    let run = try Self.run()
    let began = Time.monotonic()
    _ = try run.fetch("\(server.url)/a.pdf").get()
    #expect(Self.requests(server) == ["/robots.txt", "/a.pdf"])
    #expect(Double(Time.monotonic() - began) / 1e9 >= 0.9)
  }

  @Test(
    "A redirect within the host is followed, and a file that is too long is read from its beginning"
  )
  func followed() throws {
    let long = "User-agent: *\nCrawl-delay: 0.3\n" + String(repeating: "# \n", count: 300_000)
    let server = try ScriptedServer { head, _ in
      if head.hasPrefix("GET /robots.txt") {
        return Self.text("", "302 Found", "Location: /robots/all.txt\r\n")
      }
      if head.hasPrefix("GET /robots/all.txt") { return Self.text(long) }
      return [
        .send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.pdf.count)\r\n\r\n"),
        .sendBytes(Self.pdf),
      ]
    }
    let run = try Self.run()
    let began = Time.monotonic()
    for name in ["a", "b"] { _ = try run.fetch("\(server.url)/\(name).pdf", id: name).get() }
    #expect(
      Self.requests(server) == ["/robots.txt", "/robots/all.txt", "/a.pdf", "/b.pdf"])
    #expect(Double(Time.monotonic() - began) / 1e9 >= 0.3)
  }

  @Test("Workers that begin at once read it once")
  func shared() throws {
    let server = try Self.server(Self.text("User-agent: *\nDisallow: /x"))
    let run = try Self.run()
    withThreads(4) { number in
      guard var fetcher = try? run.fetcher(worker: number) else { return }
      let url = JSON.string("\(server.url)/\(number).pdf")
      _ = try? run.fetch(id: "\(number)", fields: ["url": url], by: &fetcher)
    }
    #expect(Self.requests(server).first == "/robots.txt")
    #expect(Self.requests(server).count == 5)
  }
}
