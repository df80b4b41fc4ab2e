import Common
import Foundation
import Support
import Testing

/// A run whose work is done by other machines, over Redis: each has its own state folder, and none knows the index.
@Suite("Fleets", .serialized, .enabled(if: RedisServer.isInstalled, "Redis is not installed"))
struct FleetTests {
  private let redis: RedisServer
  private let pipeline: PipelineRun

  init() throws {
    redis = try RedisServer()
    pipeline = try PipelineRun(
      documents: 60, ["--document-size", "3000", "--latency", "0.03"],
      pipeline: ["fetch", "upload"])
  }

  /// What a machine that went away held is another's after three seconds.
  private var quick: [String: String] {
    ["CONVEYOR_TAKEOVER": "3s", "CONVEYOR_FLEET": redis.url()]
  }

  private func head(_ options: [String] = []) throws -> Program {
    try pipeline.start(["--queue", "mid"] + options, environment: quick)
  }

  private func worker(_ number: Int, _ options: [String] = []) throws -> Program {
    let folder = pipeline.folder.path
    return try Program(
      "\(sourceTree)/bin/conveyor",
      [
        "work", "--stage", "\(folder)/stage.yaml", "--to", pipeline.to, "--portal-base",
        pipeline.portal.base, "--workers", "2", "--rate-limit-delay", "0.01", "--retry-base",
        "0.05", "--queue", "mid", "--state", "\(folder)/worker\(number)", "--in-flight", "8",
      ] + options,
      environment: quick.merging(["CONVEYOR_BIN": builtTools]) { $1 }, directory: folder)
  }

  private func checkEnd(refetched: Int) throws {
    #expect(try pipeline.counts().completed == pipeline.documents)
    let sent = pipeline.portal.scansSent
    #expect(sent.values.reduce(0) { $0 + $1 - 1 } <= refetched, "\(sent)")
    let rows = try pipeline.rows("SELECT sum(download_attempts), count(*) FROM index_documents")
    #expect(try #require(rows.first.flatMap { Int($0[0]) }) <= pipeline.documents + refetched)
    // Nothing is left in Redis but the budgets.
    #expect(try redis.cli("XLEN 'conveyor:{mid}:work'") == ["0"])
    #expect(try redis.cli("HLEN 'conveyor:{mid}:runs'") == ["0"])
    #expect(try redis.cli("EXISTS 'conveyor:{limiter}:hosts'") == ["1"])
  }

  @Test("Two workers bring each document once, and settle nothing themselves")
  func twoWorkers() throws {
    let head = try head()
    // Workers that find nothing for so long end, and a head takes a while to begin on a busy machine.
    #expect(try eventually { try redis.cli("XLEN 'conveyor:{mid}:work'") != ["0"] })
    let workers = try (1...2).map { try worker($0, ["--idle", "10s"]) }
    let end = head.wait()
    #expect(end.code == 0, "\(end)")
    for (number, worker) in workers.enumerated() {
      let end = worker.wait()
      #expect(end.code == 0, "\(end)")
      #expect(Files.all(in: "\(pipeline.folder.path)/worker\(number + 1)/spool") == [])
    }
    try checkEnd(refetched: 0)
    try pipeline.checkCompleted()
    // Each document has one answer, from either of them.
    let answered = (1...2).flatMap { number in
      Files.lines("\(pipeline.folder.path)/worker\(number)/conveyor.log").filter {
        $0.contains(": answered")
      }
    }
    #expect(answered.count == pipeline.documents)
    #expect(try redis.cli("XINFO CONSUMERS 'conveyor:{mid}:work' workers").joined().isEmpty)
  }

  @Test("A worker that is stopped, and one that is killed, leave their documents to others")
  func leaving() throws {
    let head = try head()
    let workers = try (1...3).map { try worker($0) }
    pipeline.waitForScans(10)
    workers[0].signal(SIGTERM)
    #expect(workers[0].wait().code == 130)
    kill(worker: 2)
    redis.order("stop")
    redis.order("start")
    let end = head.wait()
    #expect(end.code == 0, "\(end)")
    workers[2].signal(SIGINT)
    #expect(workers[2].wait().code == 130)
    try checkEnd(refetched: 4)
  }

  /// Ends all tools of a worker at once.
  private func kill(worker number: Int) {
    let log = "\(pipeline.folder.path)/worker\(number)/conveyor.log"
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let process = pid_t(entry),
        let line = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline"),
        String(decoding: line, as: UTF8.self).split(separator: "\0").contains(where: { $0 == log })
      else { continue }
      Foundation.kill(process, SIGKILL)
    }
  }

  @Test("A head that is stopped takes everything back, and one that is killed finds the answers")
  func heads() throws {
    let workers = try (1...2).map { try worker($0) }
    let first = try head()
    pipeline.waitForScans(10)
    first.signal(SIGINT)
    let stopped = first.wait()
    #expect(stopped.code == 130, "\(stopped)")
    #expect(
      try pipeline.rows("SELECT count(*) FROM index_documents WHERE lease_token <> ''") == [["0"]])
    let done = try pipeline.counts().completed
    #expect(done > 0 && done < pipeline.documents)
    let second = try head()
    pipeline.waitForScans(done + 20)
    pipeline.signalPipeline(SIGKILL)
    #expect(second.wait().code == 1)
    let third = try head()
    let end = third.wait()
    #expect(end.code == 0, "\(end)")
    for worker in workers {
      worker.signal(SIGINT)
      #expect(worker.wait().code == 130)
    }
    // Each head that went away may cost what was in hand.
    try checkEnd(refetched: 2 * 16)
  }

  @Test("One line in, one line out, whatever it is")
  func lines() throws {
    let workers = try Program(
      "/bin/sh",
      [
        "-c",
        "\(toolPath("queue")) take --queue q --idle 15s | \(toolPath("queue")) give --queue q --no-records",
      ], environment: quick)
    let record = #"{"id":"1","note":"ü \u0000","big":12345678901234567890,"deep":[[{}]]}"#
    let failed =
      #"{"id":"2","error":{"tool":"fetch","class":"absent","message":"gone","retryable":false,"counts":true}}"#
    let lines = [record, failed, "nonsense", #"{"id":3}"#, #"{"id":"4"}"#]
    let end = try run(
      "queue", ["send", "--queue", "q", "--window", "1"], lines: lines, environment: quick)
    #expect(end.code == 3, "\(end)")
    #expect(workers.wait().code == 0)
    let records = try end.records
    #expect(records.count == 5)
    let first = try #require(records.first { $0["id"]?.string == "1" })
    #expect(first["big"]?.description == "12345678901234567890")
    #expect(first["queue"]?["delivery"]?.int == 1)
    #expect(end.lines.contains(failed))
    #expect(records.filter { $0["error"]?["class"]?.string == "invalid_record" }.count == 2)
    #expect(try schemaErrors(end.output) == "")
  }

  @Test("What three workers were lost with fails, and is given to no fourth")
  func poison() throws {
    let head = try Program(
      "queue", ["send", "--queue", "q"], input: Array("{\"id\":\"1\"}\n".utf8), environment: quick)
    for _ in 1...3 {
      let taker = try Program("queue", ["take", "--queue", "q"], environment: quick)
      #expect(eventually { taker.text.contains("\n") })
      taker.signal(SIGKILL)
      _ = taker.wait()
    }
    let last = try run("queue", ["take", "--queue", "q", "--idle", "15s"], environment: quick)
    #expect(last.output.isEmpty)
    let end = head.wait()
    #expect(end.code == 3)
    #expect(end.text.contains("lost with 3 workers"))
  }
}
