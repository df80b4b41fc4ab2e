import Common
import Foundation
import Index
import Support
import Testing

@Suite("The whole pipeline", .serialized)
struct PipelineTests {
  @Test("Forty documents from a portal in trouble, and a second run that asks for nothing")
  func fortyDocuments() throws {
    let pipeline = try PipelineRun(
      documents: 40,
      ["--fault", "500=0.1", "--fault", "reset=0.05", "--fault", "short=0.05", "--absent", "0.1"])
    let first = try pipeline.finish()
    let counts = try pipeline.counts()
    #expect(counts.pending == 0 && counts.inProgress == 0, "\(counts) \(first)")
    #expect(counts.completed + counts.failed + counts.absent == 40)
    #expect(counts.completed >= 30, "\(counts)")
    #expect(counts.absent >= 1)
    #expect(first.code == ToolExit.documentsFailed.rawValue, "\(first)")
    try pipeline.checkCompleted()
    let absent = try pipeline.rows(
      "SELECT DISTINCT error_class FROM index_documents WHERE download_status = 'failed'")
    #expect(absent.contains(["absent"]), "\(absent)")

    let asked = pipeline.portal.requests.count
    let second = try pipeline.finish()
    #expect(second.code == 0, "\(second)")
    #expect(second.errors.contains("nothing is left to do"))
    #expect(pipeline.portal.requests.count == asked)
  }

  @Test("The log and the summary are where the driver says")
  func logAndSummary() throws {
    let pipeline = try PipelineRun(documents: 6, ["--document-size", "3000"])
    let end = try pipeline.finish()
    #expect(end.code == 0, "\(end)")
    #expect(end.errors.contains("\(pipeline.state)/conveyor.log"))
    let summary = try JSON(
      parsing: try #require(Files.lines("\(pipeline.state)/summary.json").first))
    #expect(summary["completed"] == .int(6))
    let log = Files.lines("\(pipeline.state)/conveyor.log")
    for tool in ["enqueue", "fetch Worker", "upload Worker", "validate Worker"] {
      #expect(log.contains { $0.contains(" \(tool)") }, "\(tool)")
    }
    try pipeline.checkCompleted()
  }

  /// Slurm and systemd signal each process of a job: the tools meet the signal twice, once by the driver.
  @Test(
    "Ctrl+C in the middle: all is settled, no attempt is used up, and the rest comes later",
    arguments: [false, true])
  func interrupted(reachesEachProcess: Bool) throws {
    let pipeline = try PipelineRun(
      documents: 60, ["--latency", "0.05", "--jitter", "0.05", "--document-size", "3000"])
    let driver = try pipeline.start()
    pipeline.waitForScans(15)
    let started = Time.monotonic()
    if reachesEachProcess { pipeline.signalPipeline(SIGINT) }
    driver.signal(SIGINT)
    let end = driver.wait()
    #expect(end.code == ToolExit.interrupted.rawValue, "\(end)")
    #expect(Double(Time.monotonic() - started) / 1e9 < 10)
    let counts = try pipeline.counts()
    #expect(counts.inProgress == 0 && counts.failed == 0, "\(counts) \(end)")
    #expect(counts.pending > 0 && counts.completed > 0, "\(counts)")
    let used = try pipeline.rows(
      """
      SELECT count(*) FROM index_documents
      WHERE download_status = 'pending' AND download_attempts > 0
      """)
    #expect(used == [["0"]])

    let rest = try pipeline.finish()
    #expect(rest.code == 0, "\(rest)")
    #expect(try pipeline.counts().completed == 60)
    try pipeline.checkCompleted()
    // What was fetched before the stop was not fetched again.
    #expect(pipeline.portal.scansSent.values.allSatisfy { $0 == 1 })
  }

  @Test("Twice Ctrl+C ends it at once, and the same command resumes")
  func interruptedTwice() throws {
    let pipeline = try PipelineRun(
      documents: 20, ["--latency", "3", "--document-size", "3000"])
    let driver = try pipeline.start()
    #expect(
      eventually { FileManager.default.fileExists(atPath: "\(pipeline.state)/limiter.sqlite") })
    driver.signal(SIGINT)
    #expect(eventually { driver.errors.contains("stopping;") })
    driver.signal(SIGINT)
    let started = Time.monotonic()
    let end = driver.wait()
    #expect(end.code == ToolExit.interrupted.rawValue, "\(end)")
    #expect(Double(Time.monotonic() - started) / 1e9 < 2.5)
    let counts = try pipeline.counts()
    #expect(counts.completed + counts.pending + counts.inProgress == 20, "\(counts)")
  }

  @Test("kill -9 of all tools: nothing is lost, and hardly anything is fetched twice")
  func killed() throws {
    let pipeline = try PipelineRun(
      documents: 60, ["--latency", "0.05", "--jitter", "0.05", "--document-size", "3000"])
    let kills = 2
    for round in 1...kills {
      let driver = try pipeline.start()
      pipeline.waitForScans(15 * round)
      pipeline.signalPipeline(SIGKILL)
      let end = driver.wait()
      #expect(end.code != 0 && end.code != ToolExit.documentsFailed.rawValue, "\(end)")
      try pipeline.checkCompleted()
    }
    let rest = try pipeline.finish()
    #expect(rest.code == 0, "\(rest)")
    #expect(try pipeline.counts().completed == 60, "\(rest)")
    try pipeline.checkCompleted()
    let again = pipeline.portal.scansSent.values.map { $0 - 1 }.reduce(0, +)
    #expect(again <= kills * pipeline.workers, "\(again) fetched again")
  }

  @Test("A dry run writes nothing and asks the portal for nothing")
  func dryRun() throws {
    let pipeline = try PipelineRun(documents: 15)
    let before = Files.all(in: pipeline.folder.path)
    let end = try pipeline.finish(["--dry-run"])
    #expect(end.code == 0, "\(end)")
    let records = try end.records
    #expect(records.count == 10)
    #expect(records.allSatisfy { $0["fetch"]?["requests"]?.array?.isEmpty == false }, "\(end)")
    #expect(pipeline.portal.requests.isEmpty)
    #expect(Files.all(in: pipeline.folder.path) == before)
    #expect(try pipeline.counts().pending == 15)
    #expect(try schemaErrors(end.output) == "")
  }

  @Test(
    "An option with a tool's name before it reaches that tool of a run, and a wrong value ends it",
    arguments: [
      ("--upload-workers", "upload"), ("--validate-workers", "validate"),
      ("--optimize-workers", "optimize"), ("--fetch-workers", "fetch"),
    ])
  func optionOfOneTool(option: String, tool: String) throws {
    let pipeline = try PipelineRun(documents: 3, ["--document-size", "3000"])
    let wrong = try pipeline.finish([option, "0"])
    #expect(wrong.code == ToolExit.usage.rawValue, "\(wrong)")
    #expect(wrong.errors.contains("--workers"), "\(wrong)")
    let left = try pipeline.counts()
    #expect(left.completed + left.pending == 3 && left.failed == 0, "\(left)")
    let right = try pipeline.finish([option, "2"])
    #expect(right.code == 0, "\(right)")
    #expect(try pipeline.counts().completed == 3)
  }

  @Test("A limit holds for the whole pipeline")
  func limit() throws {
    let pipeline = try PipelineRun(documents: 15, ["--document-size", "3000"])
    let end = try pipeline.finish(["--limit", "4"])
    #expect(end.code == 0, "\(end)")
    #expect(try pipeline.counts().completed == 4)
  }

  @Test("The lines at the pipeline's end fit the schema")
  func schema() throws {
    let pipeline = try PipelineRun(
      documents: 12, ["--fault", "500=0.2", "--absent", "0.2", "--broken", "0.1"])
    let folder = pipeline.folder.path
    let script = """
      cd "$1" && export PATH="$2:$PATH"
      enqueue --index index.db --no-wait | tee claimed.jsonl |
        fetch --stage ./stage.yaml --portals-dir "$3" --portal-base "$4" --state state \
          --retries 1 --retry-base 0.05 --rate-limit-delay 0.01 | tee fetched.jsonl |
        optimize | tee optimized.jsonl |
        upload --to bucket --stage ./stage.yaml | tee uploaded.jsonl |
        validate --settle --index index.db
      """
    let end = try run(
      "/bin/bash",
      ["-c", script, "pipeline", folder, builtTools, "\(sourceTree)/portals", pipeline.portal.base])
    #expect(end.lines.count == 12, "\(end)")
    for name in ["claimed", "fetched", "optimized", "uploaded"] {
      let lines = FileManager.default.contents(atPath: "\(folder)/\(name).jsonl") ?? Data()
      #expect(try schemaErrors(Array(lines)) == "", "\(name)")
    }
    #expect(try schemaErrors(end.output) == "")
    #expect(try end.records.allSatisfy { $0["validate"]?["outcome"] != nil || $0["error"] != nil })
  }
}
