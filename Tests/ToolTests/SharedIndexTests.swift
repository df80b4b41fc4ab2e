import Common
import Foundation
import Index
import Support
import Testing

/// Several pipelines on one index in PostgreSQL, as on several machines: each has its own state folder, and
/// all share one budget for the portal.
@Suite(
  "Pipelines that share an index", .serialized,
  .enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
struct SharedIndexTests {
  /// A plugin that writes down what upload says of each document, for one pipeline in a file of its own.
  private static let plugin = """
    #!/bin/sh
    exec tee -a "$NOTES"

    """

  private struct Pipelines {
    let run: PipelineRun
    var folder: String { run.folder.path }

    init(documents: Int, _ portalOptions: [String] = [], on server: PostgresServer? = nil) throws {
      run = try PipelineRun(
        documents: documents, ["--document-size", "3000"] + portalOptions,
        pipeline: ["fetch", "upload", "note"], in: try Database(on: server).initialized())
      try run.folder.write(SharedIndexTests.plugin, to: "conveyor-note")
      chmod("\(folder)/conveyor-note", 0o755)
    }

    /// Number 0 is the one that ``PipelineRun/signalPipeline(_:)`` reaches: as on a machine of its own, without
    /// the limiter's file that the others share, which who is stopped may hold locked.
    func start(_ number: Int, _ options: [String] = []) throws -> Program {
      try run.start(
        (number == 0 ? [] : ["--limiter", "\(folder)/limiter.sqlite"]) + options,
        state: number == 0 ? run.state : "\(folder)/state\(number)",
        environment: ["CONVEYOR_PLUGIN_PATH": folder, "NOTES": "\(folder)/notes\(number)"])
    }

    /// How often an object was written, by its URL: what upload did not skip.
    func writes(_ pipelines: Int) throws -> [String: Int] {
      var writes: [String: Int] = [:]
      for number in 1...pipelines {
        for line in Files.lines("\(folder)/notes\(number)") {
          let upload = try JSON(parsing: line)["upload"]
          guard upload?["skipped"] == .bool(false), let url = upload?["url"]?.string else {
            continue
          }
          writes[url, default: 0] += 1
        }
      }
      return writes
    }

    func leaseLost(_ number: Int) throws -> Int? {
      let summary = try #require(Files.lines("\(folder)/state\(number)/summary.json").first)
      return try JSON(parsing: summary)["lease_lost"]?.int
    }
  }

  @Test("Each document is completed once, and its object written once", arguments: [2, 8])
  func sideBySide(count: Int) throws {
    let documents = 60
    let pipelines = try Pipelines(documents: documents, ["--latency", "0.03"])
    try pipelines.run.rows(
      """
      CREATE TABLE completions (id bigint);
      CREATE FUNCTION note() RETURNS trigger AS $$
      BEGIN INSERT INTO completions VALUES (NEW.id); RETURN NULL; END $$ LANGUAGE plpgsql;
      CREATE TRIGGER note AFTER UPDATE ON index_documents FOR EACH ROW
        WHEN (NEW.download_status = 'completed') EXECUTE FUNCTION note()
      """)
    // One worker each, so that no pipeline claims all at once.
    let programs = try (1...count).map { try pipelines.start($0, ["--workers", "1"]) }
    for program in programs {
      let end = program.wait()
      #expect(end.code == 0, "\(end)")
    }
    #expect(try pipelines.run.counts().completed == documents)
    let completions = "SELECT COUNT(*), COUNT(DISTINCT id) FROM completions"
    #expect(try pipelines.run.rows(completions) == [["\(documents)", "\(documents)"]])
    #expect(
      try pipelines.run.rows("SELECT DISTINCT download_attempts, lost_leases FROM index_documents")
        == [["1", "0"]])
    let writes = try pipelines.writes(count)
    #expect(writes.count == documents)
    #expect(writes.values.allSatisfy { $0 == 1 })
    #expect(pipelines.run.portal.scansSent.values.allSatisfy { $0 == 1 })
    #expect(try (1...count).allSatisfy { try pipelines.leaseLost($0) ?? 0 == 0 })
    try pipelines.run.checkCompleted()
  }

  @Test("A pipeline that was stopped beyond its lease changes nothing when it wakes")
  func asleep() throws {
    let documents = 30
    let pipelines = try Pipelines(documents: documents, ["--latency", "0.05"])
    let sleeper = try pipelines.start(0, ["--lease", "1s"])
    pipelines.run.waitForScans(5)
    pipelines.run.signalPipeline(SIGSTOP)
    let held = """
      SELECT COUNT(*) FILTER (WHERE lease_expires_at > now()), COUNT(*) > 0 FROM index_documents
      WHERE download_status = 'in_progress'
      """
    #expect(eventually { (try? pipelines.run.rows(held)) == [["0", "t"]] })
    let end = try pipelines.start(1).wait()
    #expect(end.code == 0, "\(end)")
    #expect(try pipelines.run.counts().completed == documents)
    let rows = try pipelines.run.rows("SELECT * FROM index_documents ORDER BY id")
    let objects = try objects(pipelines.run)

    pipelines.run.signalPipeline(SIGCONT)
    _ = sleeper.wait()
    #expect(try pipelines.run.rows("SELECT * FROM index_documents ORDER BY id") == rows)
    #expect(try self.objects(pipelines.run) == objects)
    let summary = try #require(Files.lines("\(pipelines.run.state)/summary.json").first)
    let lost = try JSON(parsing: summary)["lease_lost"]?.int ?? 0
    #expect(lost > 0, "\(summary)")
  }

  /// Name, number and time of each object.
  private func objects(_ pipeline: PipelineRun) throws -> [String] {
    try run(
      "/usr/bin/find", ["\(pipeline.folder.path)/bucket", "-type", "f", "-printf", "%p %i %T@\n"]
    )
    .lines.sorted()
  }

  @Test("Connections that are cut, and a server that goes down: no attempt is used up")
  func cut() throws {
    let server = try PostgresServer()
    let documents = 60
    let pipelines = try Pipelines(documents: documents, ["--latency", "0.05"], on: server)
    let program = try pipelines.start(1)
    for scans in [5, 10, 15] {
      pipelines.run.waitForScans(scans)
      try pipelines.run.rows(
        """
        SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        """)
    }
    for scans in [20, 30] {
      pipelines.run.waitForScans(scans)
      server.order("stop")
      server.order("start")
    }
    let end = program.wait()
    #expect(end.code == 0, "\(end)")
    #expect(try pipelines.run.counts().completed == documents)
    #expect(
      try pipelines.run.rows("SELECT DISTINCT download_attempts, lost_leases FROM index_documents")
        == [["1", "0"]])
    #expect(pipelines.run.portal.scansSent.values.allSatisfy { $0 == 1 })
    #expect(try pipelines.writes(1).values.reduce(0, +) == documents)
    try pipelines.run.checkCompleted()
  }

  @Test("Ctrl+C while the server is away does not wait for it, and the same command resumes")
  func interruptedWithoutServer() throws {
    let server = try PostgresServer()
    let pipelines = try Pipelines(documents: 40, ["--latency", "0.05"], on: server)
    let program = try pipelines.start(0)
    pipelines.run.waitForScans(5)
    server.order("stop")
    program.signal(SIGINT)
    // A server that is away is waited for a minute otherwise.
    let end = program.wait()
    #expect(end.code == ToolExit.interrupted.rawValue, "\(end)")
    server.order("start")
    let rest = try pipelines.start(0).wait()
    #expect(rest.code == 0, "\(rest)")
    #expect(
      try pipelines.run.rows(
        "SELECT DISTINCT download_status, download_attempts FROM index_documents")
        == [["completed", "1"]])
  }
}
