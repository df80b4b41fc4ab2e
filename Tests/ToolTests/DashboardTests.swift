import Common
import Foundation
import Support
import Testing

/// The built dashboard, as its viewers and its enemies meet it.
@Suite("The dashboard")
struct DashboardTests {
  private let folder: TemporaryDirectory
  private var index: String { "sqlite:\(folder.path)/index.db" }
  private static let hostile = "<script>alert(1)</script>\"'><img src=x>\u{202E}"

  init() throws {
    folder = try TemporaryDirectory()
    let made = try run("enqueue", ["init", "--index", index])
    #expect(made.code == 0, "\(made)")
    try add(1...30)
  }

  /// Adds documents with these pages.
  private func add(_ pages: ClosedRange<Int>, type: String = hostile) throws {
    let rows = pages.map {
      JSON.object([
        "source": .string("s"), "book": .int(238), "page": .int($0),
        "instrument_type_parsed": .string(type),
        "download_priority": .int(3),
      ]).description
    }
    try folder.write(rows.joined(separator: "\n") + "\n", to: "rows.jsonl")
    let added = try run("enqueue", ["import", "\(folder.path)/rows.jsonl", "--index", index])
    #expect(added.code == 0, "\(added)")
  }

  private func start(_ options: [String] = []) throws -> RunningDashboard {
    try RunningDashboard(index: index, state: folder.path, options)
  }

  @Test("The token becomes a cookie, with which the page is complete; its texts stay texts")
  func page() throws {
    let dashboard = try start()
    let entered = try dashboard.ask("GET", "/?token=\(dashboard.token)", isStranger: true)
    #expect(entered.status == 303 && entered.field("Location") == "/")
    let set = try #require(entered.field("Set-Cookie"))
    #expect(set.hasSuffix("; Path=/; HttpOnly; SameSite=Strict") && !set.contains(dashboard.token))
    let cookie = String(set.prefix { $0 != ";" })
    let page = try dashboard.ask("GET", "/", ["Cookie": cookie], isStranger: true)
    #expect(page.status == 200)
    for words in ["0 of 30 documents completed", "Politeness", "Leases by machine", "</html>"] {
      #expect(page.body.contains(words), "\(words)")
    }
    #expect(!page.body.contains("<script>alert") && !page.body.contains("<img"))
    #expect(page.body.contains("&lt;script&gt;alert(1)"))
    #expect(!page.body.contains(dashboard.token) && !page.body.contains("\u{202E}"))
    // With all that it loads, and nothing from elsewhere.
    var size = page.body.utf8.count
    for path in ["/style.css", "/app.js"] {
      let answer = try dashboard.ask("GET", path, ["Cookie": cookie], isStranger: true)
      #expect(answer.status == 200)
      size += answer.body.utf8.count
    }
    #expect(size < 60_000)
    #expect(!page.body.contains("://"))
    #expect(try dashboard.ask("HEAD", "/").body.isEmpty)
  }

  @Test("Every answer forbids to be framed, kept, guessed at, or to load anything from elsewhere")
  func headers() throws {
    let dashboard = try start()
    for (path, status) in [("/", 200), ("/nothing", 404), ("/healthz", 200), ("/live", 426)] {
      let answer = try dashboard.ask("GET", path)
      #expect(answer.status == status, "\(path)")
      let policy = answer.field("Content-Security-Policy") ?? ""
      #expect(policy.hasPrefix("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"))
      #expect(!policy.contains("unsafe"))
      #expect(answer.field("X-Content-Type-Options") == "nosniff")
      #expect(answer.field("Cache-Control") == "no-store")
      #expect(answer.field("Referrer-Policy") == "same-origin")
      #expect(answer.field("Access-Control-Allow-Origin") == nil)
    }
  }

  @Test("Strangers are refused: no token, a rebound name, a foreign page, another method")
  func strangers() throws {
    let dashboard = try start(["--allow-control"])
    let order = "action=pause&host=a%3A443"
    let upgrade = [
      "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ]
    func asks(
      _ method: String, _ path: String, _ fields: [String: String], _ isStranger: Bool = false
    ) throws -> Int {
      try dashboard.ask(
        method, path, fields, body: method == "POST" ? order : "", isStranger: isStranger
      ).status
    }
    for path in ["/", "/api/status", "/metrics", "/document?id=1", "/app.js", "/?token=wrong"] {
      #expect(try asks("GET", path, [:], true) == 401, "\(path)")
    }
    for host in ["evil.example:\(dashboard.port)", "evil.example", "127.0.0.1:1"] {
      #expect(try asks("GET", "/", ["Host": host]) == 403)
      #expect(try asks("GET", "/?token=\(dashboard.token)", ["Host": host], true) == 403)
    }
    for origin in ["http://evil.example", "null", "\(dashboard.origin).evil.example"] {
      #expect(try asks("POST", "/control", ["Origin": origin]) == 403)
      #expect(try asks("GET", "/live", upgrade.merging(["Origin": origin]) { $1 }) == 403)
    }
    #expect(
      try asks("GET", "/live", upgrade.merging(["Origin": dashboard.origin]) { $1 }, true) == 401)
    #expect(try asks("DELETE", "/", [:]) == 405)
    #expect(
      try dashboard.ask("POST", "/control", body: String(repeating: "x", count: 9000)).status == 413
    )
    // Nothing of it was done.
    #expect(access("\(folder.path)/limiter.sqlite", F_OK) != 0)
    #expect(try dashboard.ask("GET", "/healthz", isStranger: true).body == "ok\n")
  }

  @Test("Viewers are told what has changed, and the same is JSON and metrics")
  func live() throws {
    let dashboard = try start()
    let client = try Client(dashboard.port)
    let head = try client.upgrade(dashboard)
    // The answer to the key of RFC 6455, section 1.3.
    #expect(head.hasPrefix("HTTP/1.1 101 ") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    let first = try client.panels()
    #expect(first["overview"]?.contains("0 of 30 documents completed") == true)
    try add(31...40)
    var told = ""
    let isTold = try eventually {
      told = try client.panels()["overview"] ?? ""
      return told.contains("0 of 40 documents completed")
    }
    #expect(isTold, "\(told)")
    let status = try dashboard.status()
    #expect(status["report"]?["status"]?["pending"]?.int == 40)
    #expect(status["state"]?.string == "idle")
    let metrics = try dashboard.ask("GET", "/metrics")
    #expect(
      metrics.field("Content-Type")?.hasPrefix("application/openmetrics-text; version=1.0.0")
        == true)
    #expect(metrics.body.contains("conveyor_index_documents{status=\"pending\"} 40\n"))
    #expect(metrics.body.hasSuffix("# EOF\n"))
    // Goodbye is said back.
    client.send(Client.frame(8, [0x03, 0xE8]))
    var last: UInt8 = 0
    while let frame = client.frame() { last = frame.opcode }
    #expect(last == 8)
  }

  @Test("Twenty viewers cost as many looks as one, and none is made when nobody looks")
  func looks() throws {
    let dashboard = try start()
    let start = Time.monotonic()
    let clients = try (0..<20).map { _ in try Client(dashboard.port) }
    for client in clients { #expect(try client.upgrade(dashboard).contains(" 101 ")) }
    for client in clients { #expect(try client.panels()["overview"] != nil) }
    // They are told of what the next looks see.
    for client in clients { #expect(try client.panels()["asof"] != nil) }
    var looks = 0
    #expect(
      try eventually {
        looks = try dashboard.status()["looks"]?.int ?? 0
        return looks >= 4
      })
    let seconds = Double(Time.monotonic() - start) / 1e9
    #expect(Double(looks) <= seconds / 2 + 1, "\(looks) looks in \(seconds) s")
  }

  @Test("What clients send without end or too large is cut off, and none of it is kept")
  func floods() throws {
    let dashboard = try start()
    _ = try dashboard.status()
    let before = try dashboard.memory()
    // A header line without end, many of them at a time.
    let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 65_536)
    for _ in 0..<40 {
      let client = try Client(dashboard.port)
      client.send("GET / HTTP/1.1\r\nHost: \(dashboard.host)\r\nX: ")
      var sent = 0
      while sent < 64, client.send(piece) { sent += 1 }
      #expect(client.ends)
    }
    // Header fields without end.
    let fields = try Client(dashboard.port)
    fields.send("GET / HTTP/1.1\r\nHost: \(dashboard.host)\r\n")
    var number = 0
    while number < 100_000, fields.send("X-\(number): y\r\n") { number += 1 }
    #expect(fields.ends)
    // Frames that are too large, not masked, of no kind, or fragments without end.
    let huge: [UInt8] = [0x81, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    let fragment: [UInt8] =
      [0x01, 0xFE, 0x03, 0x00, 0, 0, 0, 0] + [UInt8](repeating: 0x61, count: 0x300)
    let more: [UInt8] = [0x00] + fragment.dropFirst()
    let frames: [[UInt8]] = [
      huge, [0x82, 0xFE, 0x04, 0x01, 0, 0, 0, 0], [0x81, 0x05] + Array("hello".utf8),
      [0x83, 0x80, 0, 0, 0, 0], [0xF1, 0x80, 0, 0, 0, 0], fragment + more + more,
    ]
    for frame in frames {
      let client = try Client(dashboard.port)
      #expect(try client.upgrade(dashboard).contains(" 101 "))
      client.send(frame)
      #expect(client.ends, "\(frame.prefix(14))")
    }
    // Pings without end from one that reads none of the answers.
    let pinger = try Client(dashboard.port, seconds: 2)
    #expect(try pinger.upgrade(dashboard).contains(" 101 "))
    let pings = (0..<500).flatMap { _ in Client.frame(9, [UInt8](repeating: 1, count: 100)) }
    for _ in 0..<200 where !pinger.hasEnded { if !pinger.send(pings) { break } }
    #expect(try dashboard.ask("GET", "/healthz", isStranger: true).status == 200)
    let grown = try dashboard.memory() - before
    #expect(grown < 6 << 20, "\(grown) bytes more")
    #expect(try dashboard.memory() < 15 << 20)
  }

  @Test("Fifty viewers that never read are let go, and cost the others nothing")
  func silent() throws {
    let dashboard = try start()
    _ = try dashboard.status()
    let before = try dashboard.memory()
    let silent = try (0..<50).map { _ in try Client(dashboard.port) }
    for client in silent { client.shrink() }
    for client in silent { #expect(try client.upgrade(dashboard).contains(" 101 ")) }
    let reader = try Client(dashboard.port)
    #expect(try reader.upgrade(dashboard).contains(" 101 "))
    for _ in 0..<3 { #expect(try !reader.panels().isEmpty) }
    #expect(try dashboard.memory() - before < 6 << 20)
    #expect(try dashboard.memory() < 15 << 20)
  }

  @Test("Half a request, or one that comes in drops, does not hold a connection")
  func halfOpen() throws {
    let dashboard = try start()
    let begun = Time.monotonic()
    let half = try (0..<20).map { _ in try Client(dashboard.port) }
    for client in half { client.send("GET / HTTP/1.1\r\nHost: \(dashboard.host)\r\n") }
    let nothing = try Client(dashboard.port)
    let drops = try Client(dashboard.port)
    drops.send("GET / HTTP/1.1\r\nX: ")
    let areGone = eventually {
      drops.send("a")
      poll(nil, 0, 500)
      return drops.hasEnded && nothing.hasEnded && half.allSatisfy(\.hasEnded)
    }
    #expect(areGone, "after \((Time.monotonic() - begun) / 1_000_000_000) s")
    #expect(try dashboard.ask("GET", "/healthz", isStranger: true).status == 200)
  }

  @Test(
    "With --allow-control orders are asked about, given and logged; without it they are refused")
  func control() throws {
    let looking = try start()
    #expect(try looking.ask("GET", "/control?action=pause&host=a%3A443").status == 403)
    #expect(try looking.ask("POST", "/control", body: "action=pause&host=a%3A443").status == 403)
    let log = "\(folder.path)/dashboard.log"
    let dashboard = try start(["--allow-control", "--log-file", log])
    let form = try dashboard.ask("GET", "/control?action=pause&host=portal.example.org%3A443")
    #expect(form.status == 200 && form.body.contains("Yes, pause it"))
    #expect(access("\(folder.path)/limiter.sqlite", F_OK) != 0)
    let own = ["Origin": dashboard.origin]
    let done = try dashboard.ask(
      "POST", "/control", own,
      body: "action=pause&host=portal.example.org%3A443&for=2h&why=they+called")
    #expect(done.status == 200 && done.body.contains("paused portal.example.org:443 for 2h00m"))
    let shown = try run("fetch", ["limiter", "show", "--state", folder.path])
    #expect(shown.text.contains("they called"), "\(shown)")
    let lines = try String(contentsOfFile: log, encoding: .utf8)
    #expect(lines.contains("by the dashboard: paused portal.example.org:443"))
    #expect(try dashboard.ask("POST", "/control", own, body: "action=set&host=a").status == 400)
    let skipped = try dashboard.ask(
      "POST", "/control", own, body: "action=skip&id=1&why=%3Cb%3Esealed")
    #expect(skipped.body.contains("marked 1 document as skipped (1): &lt;b&gt;sealed"))
    let story = try dashboard.ask("GET", "/document?id=238/1")
    #expect(
      story.status == 200 && story.body.contains("1: skipped") && !story.body.contains("<b>sealed"))
    #expect(try dashboard.ask("GET", "/document?id=4711").status == 404)
    #expect(try dashboard.ask("GET", "/document?id=%3Cscript%3E").status == 400)
    // Seen by the next look.
    #expect(try dashboard.ask("GET", "/").body.contains("paused until"))
  }

  @Test("What lets others in is refused at the start, with what is missing")
  func refusals() throws {
    let token = try folder.write("\(String(repeating: "k", count: 40))\n", to: "token")
    chmod(token, 0o600)
    let short = try folder.write("secret\n", to: "short")
    chmod(short, 0o600)
    let open = try folder.write(String(repeating: "k", count: 40), to: "open")
    chmod(open, 0o644)
    let running = try start()
    let cases: [([String], Int32, String)] = [
      (["--listen", "0.0.0.0:0"], 64, "--token-file"),
      (["--listen", "0.0.0.0:0", "--token-file", token], 64, "--behind-proxy"),
      (["--listen", "[::]:0", "--behind-proxy", "https://a.example"], 64, "--token-file"),
      (["--behind-proxy", "http://a.example"], 64, "https://"),
      (["--behind-proxy", "https://a.example/path"], 64, "without a path"),
      (["--listen", "8800"], 64, "127.0.0.1:8800"),
      (
        ["--listen", "name:80", "--token-file", token, "--behind-proxy", "https://a.example"], 64,
        "address"
      ),
      (["--token-file", short], 78, "32"), (["--token-file", open], 77, "chmod 600"),
      (["--token-file", "\(folder.path)/none"], 78, "cannot be read"),
      (["--listen", running.host], 69, "Name another address"),
    ]
    for (options, code, words) in cases {
      let ended = try run("dashboard", ["--index", index, "--state", folder.path] + options)
      #expect(ended.code == code && ended.errors.contains(words), "\(options): \(ended)")
      #expect(!ended.errors.contains("kkkk"))
    }
    let missing = try run("dashboard", ["--index", "sqlite:\(folder.path)/none.db"])
    #expect([74, 78].contains(missing.code), "\(missing)")
  }

  @Test("With a token file it is the same after kill -9; Ctrl+C says goodbye to its viewers")
  func restart() throws {
    let token = try folder.write("\(String(repeating: "0a", count: 32))\n", to: "token")
    chmod(token, 0o600)
    let first = try start(["--token-file", token])
    let secret = ["Authorization": "Bearer \(String(repeating: "0a", count: 32))"]
    #expect(try first.ask("GET", "/api/status", secret, isStranger: true).status == 200)
    #expect(!first.program.text.contains("0a0a"))
    first.program.signal(SIGKILL)
    _ = first.program.wait()
    let again = try RunningDashboard(
      index: index, state: folder.path, ["--token-file", token], listen: first.host)
    #expect(try again.ask("GET", "/api/status", secret, isStranger: true).status == 200)

    let dashboard = try start()
    let client = try Client(dashboard.port)
    #expect(try client.upgrade(dashboard).contains(" 101 "))
    #expect(try !client.panels().isEmpty)
    dashboard.program.signal(SIGINT)
    var last: UInt8 = 0
    while let frame = client.frame() { last = frame.opcode }
    #expect(last == 8)
    #expect(dashboard.program.wait().code == 130)
  }

  @Test("A run is seen with its tools and its host, and leaves nothing behind when it ends")
  func wholeRun() throws {
    let pipeline = try PipelineRun(documents: 60, ["--document-size", "2000", "--latency", "0.3"])
    let dashboard = try RunningDashboard(index: pipeline.indexURL, state: pipeline.state)
    let program = try pipeline.start()
    let host = String(pipeline.portal.base.dropFirst("http://".count))
    var seen = JSON.null
    let areSeen = try eventually {
      seen = try dashboard.status()
      let tools = (seen["tools"]?.array ?? []).compactMap { $0["tool"]?.string }
      let asked = (seen["hosts"]?.array ?? []).first
      return Set(tools) == ["fetch", "optimize", "upload", "validate"]
        && asked?["host"]?.string == host && asked?["delay_seconds"]?.double == 0.01
    }
    #expect(areSeen && seen["state"]?.string == "running", "\(seen)")
    #expect(seen["holders"]?.array?.isEmpty == false)
    let metrics = try dashboard.ask("GET", "/metrics").body
    #expect(metrics.contains("conveyor_requests_total{host=\"\(host)\",class=\"answered\"} "))
    #expect(program.wait().code == 0)
    let isOver = try eventually {
      let status = try dashboard.status()
      return status["state"]?.string == "finished" && status["tools"]?.array?.isEmpty == true
    }
    #expect(isOver)
    #expect(Files.all(in: "\(pipeline.state)/status").isEmpty)
    let story = try dashboard.ask("GET", "/document?id=1").body
    #expect(story.contains("1: completed") && story.contains("SHA-256"))
  }

  @Test("An index that is gone for a while is said on the page, and seen again when it is back")
  func away() throws {
    let server = try PostgresServer()
    let database = try Database(on: server).initialized()
    let dashboard = try RunningDashboard(index: database.url, state: folder.path)
    #expect(try dashboard.status()["troubles"]?.object?.members.isEmpty == true)
    server.order("stop")
    #expect(
      try eventually { try dashboard.status()["troubles"]?["index"] != nil })
    #expect(try dashboard.ask("GET", "/").body.contains("The index could not be read"))
    server.order("start")
    #expect(
      try eventually { try dashboard.status()["troubles"]?["index"] == nil })
  }
}
