import Common
import Foundation
import Support
import Testing

/// A receiver of webhooks and pings that the official packages `standardwebhooks` and `svix` check.
final class Receiver {
  static let keys = [
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDGXpTmZPq0WY=",
  ]

  private let python: Python
  let url: String

  init() throws {
    python = try Python("receiver.py", Self.keys, in: "ToolTests/Receivers")
    url = "http://127.0.0.1:\(try JSON(parsing: try python.line())["port"]?.int ?? 0)"
  }

  /// What it answers from now on, with commas between; the last one stays.
  func answer(_ answers: String) throws {
    python.write(answers)
    while try JSON(parsing: try python.line())["now"] == nil {}
  }

  /// The next request, from the first one on.
  func next() throws -> JSON { try JSON(parsing: try python.line()) }

  /// All requests that were made and not looked at yet.
  func rest() throws -> [JSON] {
    python.write("200")
    var requests: [JSON] = []
    while case let line = try next(), line["now"] == nil { requests.append(line) }
    return requests
  }
}

extension JSON {
  /// The event that a request to a receiver brought.
  fileprivate var event: JSON? { self["body"]?.string.flatMap { try? JSON(parsing: $0) } }
}

@Suite("Webhooks and pings")
struct NotifyTests {
  private let folder: TemporaryDirectory
  private let receiver: Receiver

  init() throws {
    folder = try TemporaryDirectory()
    receiver = try Receiver()
  }

  private var environment: [String: String] {
    [
      "CONVEYOR_WEBHOOK": "\(receiver.url)/hook/T0PS3CRETPATH",
      "CONVEYOR_WEBHOOK_SECRET": Receiver.keys.joined(separator: " "),
      "CONVEYOR_STATE": "\(folder.path)/state",
    ]
  }

  private func notify(_ words: [String], _ more: [String: String] = [:]) throws -> Finished {
    try run("notify", words, environment: environment.merging(more) { $1 })
  }

  private func send(_ patience: String = "20s") throws -> Finished {
    try notify(["send", "run.finished", "--data", #"{"n":1}"#, "--patience", patience])
  }

  @Test("Both official packages verify what arrives, with either of two keys")
  func verified() throws {
    let end = try send()
    #expect(end.code == 0, "\(end)")
    let request = try receiver.next()
    #expect(request["standard"] == .array([.int(1), .int(2)]), "\(request)")
    #expect(request["svix"] == .array([.int(1), .int(2)]))
    #expect(request["id"]?.string == end.lines.first)
    #expect(request.event?["type"]?.string == "conveyor.run.finished")
    #expect(request.event?["data"]?["n"]?.int == 1)
    #expect(request.event?["timestamp"]?.string?.hasSuffix("Z") == true)
    // During a rotation, a receiver may know only one of the keys.
    let newer = ["CONVEYOR_WEBHOOK_SECRET": Receiver.keys[1]]
    #expect(try notify(["test"], newer).code == 0)
    #expect(try receiver.next()["standard"] == .array([.int(2)]))
  }

  @Test("An event that was not taken is tried again, by the same id and with a new time")
  func retried() throws {
    try receiver.answer("500,200")
    let end = try send("30s")
    #expect(end.code == 0, "\(end)")
    let (first, second) = (try receiver.next(), try receiver.next())
    #expect(first["id"] == second["id"] && first["body"] == second["body"])
    #expect(first["timestamp"] != second["timestamp"])
    #expect(second["svix"]?.array?.count == 2)
  }

  @Test(
    "What a receiver does not take is kept, and told",
    arguments: ["500", "400", "302 http://127.0.0.1:1/", "503", "slow"])
  func kept(_ answer: String) throws {
    try receiver.answer(answer)
    let end = try send("700ms")
    #expect(end.code == ToolExit.unavailable.rawValue, "\(end)")
    #expect(end.errors.contains("1 event not delivered to \(receiver.url)/…"))
    let status = try notify(["status"])
    #expect(status.code == 0 && status.text.contains("1 event waiting"), "\(status)")
    // One request: a redirect is not followed.
    #expect(try receiver.rest().count == 1)
  }

  @Test("Retry-After holds for whatever comes after it")
  func retryAfter() throws {
    try receiver.answer("429 7000,200")
    #expect(try send("700ms").code == ToolExit.unavailable.rawValue)
    #expect(try send("700ms").code == ToolExit.unavailable.rawValue)
    #expect(try notify(["--patience", "700ms"]).code == ToolExit.unavailable.rawValue)
    #expect(try receiver.rest().count == 1)
    #expect(try notify(["status"]).text.contains("2 events waiting, next attempt in 1h5"))
  }

  @Test("410 disables a receiver until a test reaches it")
  func gone() throws {
    try receiver.answer("410,200")
    let end = try send()
    #expect(end.code == 0 && end.errors.contains("HTTP 410"), "\(end)")
    #expect(try send().code == 0)
    #expect(try receiver.rest().count == 1)
    let status = try notify(["status"])
    #expect(status.code == ToolExit.unavailable.rawValue && status.text.contains("disabled"))
    #expect(try notify(["test"]).text.hasPrefix("delivered msg_"))
    #expect(try send().code == 0)
    #expect(try receiver.rest().count == 2)
  }

  @Test("Whoever has said 200 has it, however its answer ends")
  func half() throws {
    try receiver.answer("half")
    #expect(try send("10s").code == 0)
    #expect(try receiver.rest().count == 1)
  }

  @Test("A receiver that is gone leaves the event to a later run")
  func later() throws {
    let closed = ["CONVEYOR_WEBHOOK": "http://127.0.0.1:1/hook"]
    let end = try notify(["send", "run.failed", "--patience", "500ms"], closed)
    #expect(end.code == ToolExit.unavailable.rawValue)
    // Another receiver does not get what was not meant for it.
    #expect(try notify([]).code == 0)
    #expect(try receiver.rest().isEmpty)
    #expect(try notify(["status"]).text.contains("(not configured now): 1 event waiting"))
  }

  @Test("Neither the keys nor the address are shown anywhere")
  func secrets() throws {
    try receiver.answer("500")
    let file = try folder.write(Receiver.keys.joined(separator: "\n") + "\n", to: "key")
    chmod(file, 0o600)
    let words = ["--webhook-secret-file", file, "--verbose", "--log-file", "\(folder.path)/log"]
    let ends = [
      try notify(["send", "run.failed", "--patience", "500ms"] + words), try notify(["status"]),
    ]
    #expect(ends[0].code == ToolExit.unavailable.rawValue, "\(ends[0])")
    var seen = ends.map { $0.text + $0.errors }.joined()
    for path in ["log", "state/outbox.sqlite"] {
      let bytes = try #require(FileManager.default.contents(atPath: "\(folder.path)/\(path)"))
      seen += String(decoding: bytes, as: UTF8.self)
    }
    #expect(!seen.contains("T0PS3CRETPATH"))
    for key in Receiver.keys { #expect(!seen.contains(key.dropFirst(6).prefix(12))) }
    let mode = try FileManager.default.attributesOfItem(
      atPath: "\(folder.path)/state/outbox.sqlite")[.posixPermissions]
    #expect(mode as? Int == 0o600)
  }

  @Test(
    "A setting that does not do is told before anything is sent",
    arguments: [
      (["CONVEYOR_WEBHOOK_SECRET": ""], 78), (["CONVEYOR_WEBHOOK_SECRET": "hunter2hunter2"], 78),
      (["CONVEYOR_WEBHOOK_SECRET_FILE": "/nonexistent/key"], 78),
      (["CONVEYOR_WEBHOOK": "http://hooks.example.org/T0PS3CRETPATH"], 78),
      (["CONVEYOR_WEBHOOK": ""], 78), (["CONVEYOR_NOTIFY_PATIENCE": "soon"], 64),
    ] as [([String: String], Int32)])
  func settings(variables: [String: String], code: Int32) throws {
    let end = try notify(["send", "run.started"], variables)
    #expect(end.code == code, "\(end)")
    #expect(!end.errors.contains("T0PS3CRET") && !end.errors.contains("hunter2"))
    #expect(try receiver.rest().isEmpty)
  }

  @Test("A key that others can read is none")
  func openKey() throws {
    let file = try folder.write(Receiver.keys[0], to: "key")
    chmod(file, 0o644)
    let end = try notify(["test"], ["CONVEYOR_WEBHOOK_SECRET_FILE": file])
    #expect(end.code == ToolExit.permission.rawValue, "\(end)")
  }

  @Test("Where no outbox can be kept, the event is sent all the same")
  func noOutbox() throws {
    let file = try folder.write("", to: "file")
    let end = try notify(["send", "run.failed"], ["CONVEYOR_STATE": "\(file)/state"])
    #expect(end.code == 0 && end.errors.contains("cannot be used"), "\(end)")
    #expect(try receiver.next().event?["type"]?.string == "conveyor.run.failed")
  }

  @Test("Several receivers, of which one is slow: the others have it at once")
  func several() throws {
    let other = try Receiver()
    try other.answer("slow")
    let both = ["CONVEYOR_WEBHOOK": "\(other.url)/a \(receiver.url)/b"]
    let process = try Program(
      "notify", ["send", "run.finished", "--patience", "30s"],
      environment: environment.merging(both) { $1 })
    let arrived = try receiver.next()
    #expect(arrived["path"]?.string == "/b")
    #expect(try other.next()["id"] == arrived["id"])
    process.signal(SIGTERM)
    #expect(process.wait().code == ToolExit.interrupted.rawValue)
  }

  @Test("A run tells of its start and its end, and pings")
  func wholeRun() throws {
    let pipeline = try PipelineRun(documents: 6, ["--document-size", "2000"])
    let end = try pipeline.finish(
      ["--ping", "\(receiver.url)/ping"], environment: told)
    #expect(end.code == 0, "\(end)")
    let requests = try receiver.rest()
    let types = requests.compactMap { $0.event?["type"]?.string }
    #expect(types.first == "conveyor.run.started" && types.last == "conveyor.run.finished")
    #expect(requests.allSatisfy { $0["method"]?.string == "GET" || $0["svix"]?.array?.count == 2 })
    let finished = requests.last { $0.event?["type"]?.string == "conveyor.run.finished" }?.event
    #expect(
      finished?["data"]?["summary"]?["completed"]?.int == 6, "\(String(describing: finished))")
    #expect(finished?["data"]?["exit_code"]?.int == 0)
    let pings = requests.filter { $0["method"]?.string == "GET" }.compactMap { $0["path"]?.string }
    // A run that is over at once may end before the ping of its start was sent.
    #expect(pings.last == "/ping/0" && pings.count <= 2)
    // What is done already is no news, but who waits for a ping gets it.
    #expect(try pipeline.finish(["--ping", "\(receiver.url)/ping"], environment: told).code == 0)
    #expect(try receiver.rest().compactMap { $0["path"]?.string } == ["/ping/0"])
  }

  private var told: [String: String] {
    environment.filter { $0.key != "CONVEYOR_STATE" }
  }

  @Test("A preflight that fails is told, with its reason")
  func preflight() throws {
    let pipeline = try PipelineRun(documents: 2)
    let end = try pipeline.finish(
      ["--to", "s3://no-such-bucket/x"],
      environment: told.merging([
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "long-secret-of-mine", "AWS_REGION": "us-east-1",
        "CONVEYOR_UPLOAD_OUTAGE_LIMIT": "1s", "CONVEYOR_UPLOAD_RETRIES": "0",
      ]) { $1 })
    #expect(end.code != 0, "\(end)")
    let event = try receiver.next().event
    #expect(event?["type"]?.string == "conveyor.run.failed")
    #expect(event?["data"]?["exit_code"]?.int.map(Int32.init) == end.code)
    #expect(event?["data"]?["phase"]?.string == "preflight")
    #expect(event?["data"]?["stage"]?.string?.hasSuffix("stage.yaml") == true)
    let reason = try #require(event?["data"]?["reason"]?.string)
    #expect(reason.contains("127.0.0.1"), "\(reason)")
    let usage = try pipeline.finish(["--nosuchoption"], environment: told)
    #expect(usage.code == ToolExit.usage.rawValue)
    #expect(
      try receiver.next().event?["data"]?["reason"]?.string?.contains("--nosuchoption") == true)
  }

  @Test("A run that is interrupted says so, and a dead receiver changes no exit status")
  func interrupted() throws {
    let pipeline = try PipelineRun(documents: 400, ["--latency", "0.2", "--document-size", "2000"])
    let process = try pipeline.start(environment: told)
    #expect(eventually { pipeline.portal.requests.count > 3 })
    process.signal(SIGTERM)
    #expect(process.wait().code == ToolExit.interrupted.rawValue)
    #expect(
      try receiver.rest().last?.event?["type"]?.string == "conveyor.run.interrupted")
    let dead = told.merging([
      "CONVEYOR_WEBHOOK": "http://127.0.0.1:1/x", "CONVEYOR_NOTIFY_PATIENCE": "1s",
    ]) { $1 }
    let end = try pipeline.finish(["--limit", "4"], environment: dead)
    #expect(end.code == 0 && end.errors.contains("not delivered"), "\(end)")
  }

  @Test("A monitor tells what is news, once")
  func monitor() throws {
    let pipeline = try PipelineRun(documents: 40)
    let words = [
      "monitor", "--index", pipeline.indexURL, "--stage", "\(pipeline.folder.path)/stage.yaml",
      "--notify",
    ]
    #expect(try run("validate", words, environment: environment).code == 0)
    #expect(try receiver.rest().isEmpty)
    try pipeline.rows(
      """
      UPDATE index_documents SET download_status = 'failed', error_class = 'bad_pdf',
        download_error = 'cut short', updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now')
      WHERE id <= 20
      """)
    let critical = try run("validate", words, environment: environment)
    #expect(critical.code == ToolExit.documentsFailed.rawValue, "\(critical)")
    let events = try receiver.rest().compactMap(\.event)
    #expect(
      events.compactMap { $0["type"]?.string } == [
        "conveyor.health.critical", "conveyor.stage.milestone", "conveyor.documents.failed",
      ])
    #expect(events.last?["data"]?["count"]?.int == 20)
    #expect(events.last?["data"]?["ids"]?.array?.count == 10)
    #expect(try run("validate", words, environment: environment).code == 3)
    #expect(try receiver.rest().isEmpty)
  }
}
