import Common
import Foundation
import GRDB
import HTTP
import Support
import Testing

@testable import notify

@Suite("The outbox, and when what is tried again")
struct OutboxTests {
  private let folder: TemporaryDirectory
  private let one: Endpoint
  private let other: Endpoint
  private let now: Int64 = 1_795_000_000_000_000_000
  private static let second: Int64 = 1_000_000_000

  init() throws {
    folder = try TemporaryDirectory()
    one = try Endpoint("https://one.example.org/hook?token=abcdefgh", "the webhook")
    other = try Endpoint("https://other.example.org/hook", "the webhook")
  }

  private var path: String { "\(folder.path)/outbox.sqlite" }

  private func event(_ kind: Event.Kind = .runFinished, _ number: Int = 0) -> Event {
    Event(kind, .object(["number": .int(number)]), time: now)
  }

  private func due(_ outbox: Outbox, _ endpoint: Endpoint, at time: Int64) throws -> String? {
    if case .due(let message) = try outbox.next(for: endpoint, now: time) { return message.id }
    return nil
  }

  @Test("What was added is there in another process, for each endpoint, and nothing tells its URL")
  func kept() throws {
    let event = event()
    try Outbox(path).add([event], to: [one, other], seen: ("stage", .object(["a": .int(1)])))
    let outbox = try Outbox(path)
    #expect(try due(outbox, one, at: now) == event.id)
    #expect(try due(outbox, other, at: now) == event.id)
    #expect(try outbox.seen("stage")?["a"]?.int == 1)
    let bytes = try #require(FileManager.default.contents(atPath: path))
    #expect(!String(decoding: bytes, as: UTF8.self).contains("abcdefgh"))
  }

  @Test("Each attempt waits longer, as the specification has it, and after the last there is none")
  func schedule() {
    let waits = (1...10).map { DeliveryPolicy.wait(after: $0, random: 0.5) }
    #expect(
      waits == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, nil])
    #expect(DeliveryPolicy.wait(after: 1, random: 0) == 4.5)
    #expect(DeliveryPolicy.wait(after: 0, random: 0.5) == nil)
  }

  @Test(
    "What an answer means",
    arguments: [
      (200, nil, DeliveryPolicy.Verdict.delivered), (204, 5, .delivered), (410, 5, .gone),
      (
        302, nil,
        .failed("HTTP 302; redirects are not followed", isReceivers: false, after: nil)
      ),
      (400, nil, .failed("HTTP 400", isReceivers: false, after: nil)),
      (500, nil, .failed("HTTP 500", isReceivers: false, after: nil)),
      (503, 1e9, .failed("HTTP 503", isReceivers: true, after: 86_400)),
      (429, -5, .failed("HTTP 429", isReceivers: true, after: 0)),
      (0, nil, .failed("HTTP 0", isReceivers: false, after: nil)),
    ] as [(Int, Double?, DeliveryPolicy.Verdict)])
  func verdicts(status: Int, retryAfter: Double?, verdict: DeliveryPolicy.Verdict) {
    #expect(DeliveryPolicy.verdict(status: status, retryAfter: retryAfter) == verdict)
  }

  @Test("An event that is never taken keeps no other back")
  func poison() throws {
    let outbox = try Outbox(path)
    let events = [event(), event()]
    try outbox.add(events, to: [one])
    guard case .due(let first) = try outbox.next(for: one, now: now) else {
      Issue.record("nothing is due")
      return
    }
    #expect(first.id == events[0].id)
    try outbox.postpone(
      first, for: one, until: now + Self.second, why: "HTTP 500", delaysOthers: false, rest: nil)
    #expect(try due(outbox, one, at: now) == events[1].id)
    #expect(try due(outbox, one, at: now + 5 * Self.second) == events[1].id)
    #expect(try outbox.lines().first?.why == "HTTP 500")
  }

  @Test("A receiver in trouble is left alone until it may be well, also by new events")
  func rest() throws {
    let outbox = try Outbox(path)
    try outbox.add([event(), event()], to: [one])
    guard case .due(let first) = try outbox.next(for: one, now: now) else {
      Issue.record("nothing is due")
      return
    }
    let then = now + 60 * Self.second
    try outbox.postpone(
      first, for: one, until: then, why: "HTTP 429", delaysOthers: true, rest: then)
    try outbox.add([event(.milestone)], to: [one])
    #expect(try outbox.next(for: one, now: now) == .later(then))
    #expect(try due(outbox, one, at: then) != nil)
    // A clock that was set back by more than any wait does not keep it waiting.
    #expect(try due(outbox, one, at: now - 3 * 86_400 * Self.second) != nil)
  }

  @Test("An endpoint that is gone gets nothing any more, until it is enabled again")
  func gone() throws {
    let outbox = try Outbox(path)
    try outbox.add([event()], to: [one, other])
    try outbox.set(one, isDisabled: true)
    try outbox.add([event()], to: [one, other])
    #expect(try outbox.next(for: one, now: now) == .nothing)
    #expect(try outbox.lines().map(\.waiting).sorted() == [0, 2])
    try outbox.set(one, isDisabled: false)
    try outbox.add([event()], to: [one])
    #expect(try due(outbox, one, at: now) != nil)
  }

  @Test("A full outbox drops what a later event replaces first")
  func full() throws {
    let outbox = try Outbox(path)
    let important = (0..<900).map { event(.runFinished, $0) }
    let digests = (0..<100).map { event(.documentsFailed, $0) }
    #expect(try outbox.add(digests + important, to: [one]) == 0)
    #expect(try outbox.add((0..<40).map { event(.runFailed, $0) }, to: [one]) == 40)
    #expect(try outbox.lines().first?.waiting == Outbox.capacity)
    #expect(try due(outbox, one, at: now) == digests[40].id)
  }

  @Test(
    "A file with values that no program of ours writes is an error, and no crash",
    arguments: [
      "messages SET attempts = 'x'", "messages SET attempts = 9223372036854775807",
      "messages SET attempts = -1", "messages SET body = x'ff00'", "messages SET id = x'ff'",
      "messages SET type = x'ff'", "messages SET next = x'00'", "messages SET next = 'soon'",
      "endpoints SET rests_until = 'x'", "endpoints SET is_disabled = 'q'",
      "endpoints SET is_disabled = 7", "endpoints SET shown = x'ff'",
    ])
  func damagedValues(_ change: String) throws {
    let outbox = try Outbox(path)
    try outbox.add([event()], to: [one])
    try DatabaseQueue(path: path).write { try $0.execute(sql: "UPDATE \(change)") }
    var errors: [Fatal] = []
    do throws(Fatal) { _ = try outbox.next(for: one, now: now) } catch { errors.append(error) }
    do throws(Fatal) { _ = try outbox.lines() } catch { errors.append(error) }
    #expect(!errors.isEmpty)
    #expect(errors.allSatisfy { $0.code == .inputOutput && $0.message.contains("outbox") })
  }

  @Test(
    "Times beyond all bounds are no reason to wait for ever",
    arguments: [Int64.min, .min + 1, -1, .max - 1, .max])
  func damagedTimes(_ time: Int64) throws {
    let outbox = try Outbox(path)
    try outbox.add([event()], to: [one])
    try DatabaseQueue(path: path).write {
      try $0.execute(sql: "UPDATE messages SET next = ?", arguments: [time])
      try $0.execute(sql: "UPDATE endpoints SET rests_until = ?", arguments: [time])
    }
    #expect(try due(outbox, one, at: now) != nil)
    #expect(try outbox.lines().count == 1)
  }

  @Test("A body of many members has no more bytes than receivers take")
  func manyMembers() throws {
    var data = JSONObject()
    for number in 0..<2000 { data["member \(number)"] = .string(String(repeating: "é", count: 60)) }
    let event = Event(.runFailed, .object(data))
    #expect(event.body.count <= Event.maximumBody)
    let kept = try JSON(parsing: String(decoding: event.body, as: UTF8.self))["data"]
    #expect(kept?["member 0"] != nil && kept?["shortened"]?.bool == true)
  }

  @Test("A body that is too large keeps what is short")
  func large() throws {
    let event = Event(
      .runFailed,
      .object([
        "exit_code": .int(69), "reason": .string(String(repeating: "ü", count: 30_000)),
        "summary": .array([.string(String(repeating: "x", count: 30_000))]),
      ]))
    #expect(event.body.count <= Event.maximumBody)
    let data = try JSON(parsing: String(decoding: event.body, as: UTF8.self))["data"]
    #expect(data?["exit_code"]?.int == 69 && data?["shortened"]?.bool == true)
  }

  @Test(
    "A key is whsec_ and base64 of 24 to 64 bytes; one or two of them",
    arguments: [
      ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true),
      ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n", true),
      ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false), ("whsec_c2hvcnQ=", false), ("", false),
      ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw x", false),
    ])
  func keys(text: String, isKey: Bool) {
    var failure: Fatal?
    do throws(Fatal) { _ = try SigningKeys(text, "the file") } catch { failure = error }
    #expect((failure == nil) == isKey)
    #expect(failure?.message.contains("MfKQ") != true)
  }

  @Test("The signature of the specification's example")
  func signature() throws {
    // Standard Webhooks 1.0.0 and its libraries share this example.
    let keys = try SigningKeys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "the file")
    let body = Array(#"{"test": 2432232314}"#.utf8)
    #expect(
      keys.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
  }

  @Test(
    "Where a ping goes",
    arguments: [
      ("https://hc.example.org/a1", PingSignal.start, "https://hc.example.org/a1/start"),
      ("https://hc.example.org/a1/", .end(0), "https://hc.example.org/a1/0"),
      ("https://hc.example.org/a1?rid=5", .end(130), "https://hc.example.org/a1/130?rid=5"),
    ])
  func pings(url: String, signal: PingSignal, pinged: String) throws {
    #expect(signal.url(try #require(WebURL(url)))?.description == pinged)
  }

  @Test(
    "http is for this machine alone",
    arguments: [
      ("http://127.0.0.1:80/x", true), ("http://[::1]/x", true), ("http://localhost:9/x", true),
      ("http://example.org/x", false), ("ftp://example.org/x", false), ("", false),
      ("http://127.example.org/x", false),
    ])
  func schemes(url: String, isTaken: Bool) {
    #expect(((try? Endpoint(url, "the webhook")) != nil) == isTaken)
  }
}
