import Common
import Foundation
import Logging
import Support
import Synchronization
import Testing
import HTTP

@testable import fetch

/// One cause is one cause, and a document's own trouble its own (promises P15 and P16), against servers
/// that refuse to order.
@Suite("What turns everybody away fails nobody")
struct FetchOutageTests {
  private typealias Bad = BadServerTests
  private static let pdf = BadServerTests.pdf

  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let steps: [ScriptedServer.Step]

    init(_ name: String, _ steps: [ScriptedServer.Step]) {
      testDescription = name
      self.steps = steps
    }
  }

  static let kinds: [Kind] = [
    Kind("403", [Bad.whole("403 Forbidden", "blocked")]),
    Kind("404", [Bad.whole("404 Not Found", "")]),
    Kind("410", [Bad.whole("410 Gone", "")]),
    Kind("202, a challenge", [Bad.whole("202 Accepted", "<script>challenge()</script>")]),
    Kind("203", [Bad.whole("203 Non-Authoritative", "<h1>Proxy</h1>")]),
    Kind("204", [.send(Bad.head("204 No Content", []))]),
    Kind("400", [Bad.whole("400 Bad Request", "")]),
    Kind("401", [Bad.whole("401 Unauthorized", "", ["WWW-Authenticate: Basic"])]),
    Kind("418", [Bad.whole("418 Teapot", "")]),
    Kind("429", [Bad.whole("429 Too Many", "", ["Retry-After: 0.01"])]),
    Kind("451", [Bad.whole("451 Legal", "")]),
    Kind("500", [Bad.whole("500 Oops", "")]),
    Kind("502", [Bad.whole("502 Bad Gateway", "")]),
    Kind("503", [Bad.whole("503 Busy", "", ["Retry-After: 0.01"])]),
    Kind("a maintenance page", [Bad.whole("200 OK", "<h1>Down for maintenance</h1>")]),
    Kind("a log-in page", [Bad.whole("200 OK", "<form><input type=password></form>")]),
    Kind("an error as JSON", [Bad.whole("200 OK", #"{"error":"quota"}"#)]),
    Kind("an empty page", [Bad.whole("200 OK", "")]),
    Kind("a PDF without end", [Bad.whole("200 OK", "%PDF-1.4\nhalf")]),
    Kind("a log-in elsewhere", [Bad.whole("302 Found", "", ["Location: https://sso.test/"])]),
    Kind("a redirect in a circle", [Bad.whole("302 Found", "", ["Location: ?again"])]),
    Kind(
      "headers too long",
      [.send(Bad.head("200 OK", ["X: " + String(repeating: "x", count: 70_000)]))]),
    Kind("closed", [.close]),
    Kind("reset", [.reset]),
    Kind("broken off", [.send(Bad.head("200 OK", [], length: 9000) + pdf), .close]),
    Kind("no HTTP", [.send("SSH-2.0-OpenSSH\r\n"), .close]),
  ]

  /// Good, then refused so often, then good again.
  private final class Weather: Sendable {
    private let state = Mutex((good: 0, bad: 0))
    let after: Int
    let length: Int

    init(after: Int, length: Int) {
      self.after = after
      self.length = length
    }

    var bad: Int { state.withLock { $0.bad } }

    func isBad() -> Bool {
      state.withLock { state in
        guard state.good >= after, state.bad < length else {
          state.good += 1
          return false
        }
        state.bad += 1
        return true
      }
    }
  }

  @Test(arguments: kinds) func theSameCommandEndsWell(_ kind: Kind) throws {
    let weather = Weather(after: 15, length: 14)
    let server = try ScriptedServer { head, _ in
      // The further hops of a redirect are one refusal.
      head.contains("again") || weather.isBad() ? kind.steps : [Bad.whole("200 OK", Self.pdf)]
    }
    let run = try OutageRun()
    let end = try run.finish(40) { "\(server.url)/\($0).pdf" }
    #expect(end.code == .success, "\(end.classes) \(end.log)")
    #expect(end.records.count == 40 && end.errors.isEmpty)
    #expect(weather.bad == 14)
    let begins = end.log.filter { $0.contains("has refused everybody since") }
    let ends = end.log.filter { $0.contains("answers again after") }
    #expect(begins.count == 1 && ends.count == 1, "\(end.log)")
    #expect(run.directory.files().filter { $0.contains("/outages/") } == [])
  }

  @Test func oneWorkerIsEnoughToKnow() throws {
    let weather = Weather(after: 3, length: 9)
    let server = try ScriptedServer { _, _ in
      [weather.isBad() ? Bad.whole("403 No", "") : Bad.whole("200 OK", Self.pdf)]
    }
    var run = try OutageRun()
    run.workers = 1
    let end = try run.finish(20) { "\(server.url)/\($0).pdf" }
    #expect(end.code == .success, "\(end.classes)")
  }

  /// The portal never gave a document: a minute, here 0.3 s, and nothing is failed.
  @Test(arguments: [
    ("403 Forbidden", ToolExit.unavailable), ("404 Not Found", .unavailable),
    ("401 Unauthorized", .permission), ("500 Oops", .unavailable),
  ])
  func whatWasNeverGoodEndsTheRun(status: String, code: ToolExit) throws {
    let server = try ScriptedServer { _, _ in [Bad.whole(status, "")] }
    var run = try OutageRun()
    run.settings.outages.limitBeforeAnythingGood = 0.3
    let end = try run.finish(30) { "\(server.url)/\($0).pdf" }
    #expect(end.code == code)
    #expect(end.errors.allSatisfy { $0["counts"] == .bool(false) }, "\(end.errors)")
    #expect(server.requests.count < 30)
  }

  /// The port is open, and what listens there never begins TLS: nobody was there to talk to, as certain after one
  /// document as after ten. libcurl says "Connection timeout", "SSL connection timeout" or "Resolving timed out".
  @Test func silenceBeforeTheConnectionIsNoDocumentsFault() throws {
    let server = try ScriptedServer { _, _ in [.stall] }
    var run = try OutageRun()
    run.settings.transfer.connectTimeout = 0.3
    run.settings.outages.limitBeforeAnythingGood = 1
    try run.lookUp(at: server.url.replacingOccurrences(of: "http:", with: "https:"))
    run.workers = 1
    let end = try run.finish(2)
    #expect(end.code == .unavailable)
    #expect(end.errors.allSatisfy { $0["counts"] == .bool(false) }, "\(end.errors)")
    #expect(end.log.contains { $0.contains("has refused everybody since") }, "\(end.log)")
  }

  /// Two steps: the first goes well all the time.
  @Test func imagesAreWatchedApartFromLookUps() throws {
    let weather = Weather(after: 15, length: 14)
    let server = try ScriptedServer { head, _ in
      if head.hasPrefix("GET /look.php") {
        return [Bad.whole("200 OK", "<form></form><a href='/\(head.hashValue).pdf'>image</a>")]
      }
      return [weather.isBad() ? Bad.whole("403 No", "") : Bad.whole("200 OK", Self.pdf)]
    }
    var run = try OutageRun()
    // The first PDFs are still looked into when the weather changes.
    run.settings.outages.limitBeforeAnythingGood = 60
    try run.lookUp(at: server.url)
    let end = try run.finish(40)
    #expect(end.code == .success, "\(end.classes) \(end.log)")
  }

  /// Bare statuses on the page on which all are looked up are about none of them: with one document, too.
  @Test(arguments: [1, 3, 30], ["404 Not Found", "410 Gone"])
  func aLookUpPageThatIsNotThereFailsNothing(documents: Int, status: String) throws {
    let server = try ScriptedServer { _, _ in [Bad.whole(status, "<h1>404")] }
    var run = try OutageRun()
    try run.lookUp(at: server.url)
    let end = try run.finish(documents)
    #expect(end.code == .unavailable)
    #expect(end.log.contains { $0.contains("--portal-base") }, "\(end.log)")
    #expect(end.errors.allSatisfy { $0["counts"] == .bool(false) })
  }

  @Test(arguments: [1, 30]) func aPortalThatIsNotThereFailsNothing(documents: Int) throws {
    var run = try OutageRun()
    // Nobody listens on the port of tcpmux.
    try run.lookUp(at: "http://127.0.0.1:1")
    let end = try run.finish(documents)
    #expect(end.code == .unavailable)
    #expect(end.errors.allSatisfy { $0["counts"] == .bool(false) })
    #expect(end.log.contains { $0.hasPrefix("error") && $0.contains("next try in") })
  }

  @Test func aFewDocumentsThatAreAbsentAreAbsent() throws {
    let server = try ScriptedServer { head, _ in
      [head.contains("7.pdf") ? Bad.whole("404 No", "") : Bad.whole("200 OK", Self.pdf)]
    }
    let end = try OutageRun().finish(100) { "\(server.url)/\($0).pdf" }
    #expect(end.code == .documentsFailed && end.classes == ["absent": 10])
    #expect(
      end.errors.allSatisfy { $0["counts"] == .bool(true) && $0["retryable"] == .bool(false) })
    // A sample where several came together, and nothing was asked for twice.
    #expect(server.requests.count <= 110)
    #expect(!end.log.contains { $0.contains("has refused everybody") }, "\(end.log)")
  }

  @Test func theLastDocumentsMayBeAbsent() throws {
    let server = try ScriptedServer { head, _ in
      let isLast = ["/18.", "/19.", "/20."].contains { head.contains($0) }
      return [isLast ? Bad.whole("404 No", "") : Bad.whole("200 OK", Self.pdf)]
    }
    let end = try OutageRun().finish(20) { "\(server.url)/\($0).pdf" }
    #expect(end.classes == ["absent": 3])
    #expect(server.requests.count <= 23)
  }

  @Test func aLongRowOfAbsentDocumentsIsNoOutage() throws {
    let server = try ScriptedServer { head, _ in
      [head.contains("/1.pdf") ? Bad.whole("200 OK", Self.pdf) : Bad.whole("404 No", "")]
    }
    let end = try OutageRun().finish(60) { "\(server.url)/\($0).pdf" }
    #expect(end.code == .documentsFailed && end.classes == ["absent": 59])
  }

  /// An understood "nothing found" is an answer, and no other is needed to believe it.
  @Test func aBookThatThePortalLacksIsAbsentAtOneRequestEach() throws {
    let server = try ScriptedServer { _, _ in
      [Bad.whole("200 OK", "<form></form>No records were found")]
    }
    var run = try OutageRun()
    try run.lookUp(at: server.url)
    let end = try run.finish(100)
    #expect(end.classes == ["absent": 100])
    #expect(server.requests.count == 100)
  }

  @Test func anImageThatIsNotThereIsNotAnAbsentDocument() throws {
    let server = try ScriptedServer { head, _ in
      if head.hasPrefix("GET /look.php") {
        return [Bad.whole("200 OK", "<form></form><a href=/a.pdf>1</a><a href=/b.pdf>2</a>")]
      }
      return [head.contains("/b.pdf") ? Bad.whole("404 No", "") : Bad.whole("200 OK", Self.pdf)]
    }
    var run = try OutageRun()
    try run.lookUp(at: server.url)
    let end = try run.finish(1)
    #expect(end.classes == ["portal_error": 1])
    #expect(end.errors.first?["retryable"] == .bool(true))
  }

  @Test func stopEndsTheWaiting() throws {
    let server = try ScriptedServer { _, _ in [Bad.whole("403 No", "")] }
    var run = try OutageRun()
    run.settings.outages = OutagePolicy(
      firstDistance: 3600, limit: 7200, limitBeforeAnythingGood: 7200)
    let stop = ShutdownSignal()
    let ended = Mutex<OutageRun.End?>(nil)
    let runner = run
    withThreads(2) { number in
      if number == 1 {
        let end = try? runner.finish(30, stop: stop) { "\(server.url)/\($0).pdf" }
        ended.withLock { $0 = end }
      } else {
        let folder = runner.directory
        _ = eventually {
          folder.files().contains { $0.hasSuffix(".json") && $0.contains("/outages/") }
        }
        stop.request(.interrupted)
      }
    }
    let end = try #require(ended.withLock { $0 })
    #expect(end.code == .interrupted && end.classes.keys.allSatisfy { $0 == "interrupted" })
  }

  @Test func otherProgramsLearnOfIt() throws {
    let directory = try TemporaryDirectory()
    let notice = OutageNotice(tool: "fetch", folder: directory.path + "/outages")
    let gate = OutageGate(
      OutagePolicy(threshold: 2, firstDistance: 40), stop: ShutdownSignal(), notice: notice,
      logger: Logger(label: "test") { _ in LogCatcher() })
    let scope = OutageGate.Scope(key: "a", name: "the portal a")
    func refuse(_ id: String) throws {
      guard case .ask(let ticket) = try gate.next(scope, nil, hasSample: false) else { return }
      _ = gate.refused(ticket, id, Refusal("status 403"), hasSample: false)
    }
    try refuse("1")
    #expect(directory.files() == [])
    let ticket = gate.observer(of: scope)
    try refuse("2")
    let path = try #require(directory.files().first)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let notice1 = try JSON(parsing: text)["outages"]?.array?.first
    #expect(notice1?["name"] == .string("the portal a"))
    #expect(notice1?["reason"] == .string("status 403"))
    let since = try #require(notice1?["since"]?.string)
    let next = try #require(notice1?["next_try"]?.string)
    #expect(since < next)
    gate.abandon(ticket)
    #expect(gate.isOut(scope))
  }

  /// A look-up and its images are at one server: too few refusals at one step are judged by the other.
  @Test func whatIsRefusedAtAnotherStepMeanwhileIsAskedAgain() throws {
    let gate = OutageGate(
      OutagePolicy(threshold: 2, firstDistance: 0), stop: ShutdownSignal(),
      logger: Logger(label: "test") { _ in LogCatcher() })
    let lookUp = OutageGate.Scope(key: "a", name: "look-up", group: "server")
    let images = OutageGate.Scope(key: "b", name: "images", group: "server")
    let blocked = Refusal("status 403")
    let underWay = gate.observer(of: images)
    for id in ["1", "2"] {
      _ = gate.refused(gate.observer(of: lookUp), id, blocked, hasSample: false)
    }
    let held = gate.refused(underWay, "3", blocked, hasSample: false)
    let first = try gate.next(lookUp, nil, hasSample: false)
    guard case .ask(let attempt) = first else {
      Issue.record("one may try")
      return
    }
    gate.succeeded(attempt)
    // Another image is good: without what was learned at the look-up, 3 would be at fault.
    gate.succeeded(gate.observer(of: images))
    let next = try gate.next(images, held, hasSample: true)
    #expect({ if case .ask = next { true } else { false } }())
  }
}
