import Common
import Foundation
import Glibc
import Index
import Support
import Testing

/// The example portal files, through the whole pipeline, against the sites that they describe.
@Suite("Example portals", .serialized)
struct ExamplePortalTests {
  static let environment = ["PORTAL_PASSWORD": "deeds-1834"]

  private static func pipeline(
    _ name: String, documents: Int = 50, _ options: [String] = []
  ) throws -> PipelineRun {
    try PipelineRun(
      documents: documents, ["--document-size", "3000"] + options,
      portals: ["\(sourceTree)/examples/portals/\(name).yaml"], site: "/sites/\(name)/")
  }

  /// The bodies of documents that the site has sent whole, by what was asked for.
  private static func bodies(_ pipeline: PipelineRun) -> [String: Int] {
    var sent: [String: Int] = [:]
    for request in pipeline.portal.requests where request["status"] == .int(200) {
      let path = request["path"]?.string ?? ""
      guard path.hasSuffix(".pdf") || path.hasSuffix(".tif") || path.hasSuffix("image.aspx") else {
        continue
      }
      sent["\(path) \(request["document"]?.description ?? "")", default: 0] += 1
    }
    return sent
  }

  @Test(
    "Fifty documents, killed in the middle: all arrive, each is fetched once but for those in flight",
    arguments: ["api", "form", "login", "tiff", "viewer"])
  func fifty(name: String) throws {
    let pipeline = try Self.pipeline(name, ["--latency", "0.01"])
    let driver = try pipeline.start(environment: Self.environment)
    #expect(eventually { Self.bodies(pipeline).count >= 12 })
    pipeline.signalPipeline(SIGKILL)
    _ = driver.wait()
    let end = try pipeline.finish(environment: Self.environment)
    let counts = try pipeline.counts()
    #expect(counts.completed == 50, "\(counts) \(end)")
    #expect(end.code == 0, "\(end)")
    try pipeline.checkCompleted()
    let twice = Self.bodies(pipeline).values.reduce(0) { $0 + $1 - 1 }
    // A document of several pages that was in flight is begun again.
    #expect(twice <= (name == "tiff" ? 5 : 2) * pipeline.workers, "\(twice)")
    // Politely: each step took a slot, a hundredth of a second after the one before. (Single gaps are measured
    // where nothing else runs: Benchmarks/limiter.py.)
    let starts = pipeline.portal.requests.compactMap { $0["start"]?.int }.sorted()
    let span = (starts.last ?? 0) - (starts.first ?? 0)
    #expect(span >= (starts.count - 1) * 10_000_000 * 9 / 10, "\(starts.count) in \(span) ns")
    let again = try pipeline.finish(environment: Self.environment)
    #expect(again.errors.contains("nothing is left to do"))
    #expect(pipeline.portal.requests.count == starts.count)
  }

  @Test("A site that turns everybody away for a while: nothing fails, and no attempt is used")
  func turnedAway() throws {
    let pipeline = try Self.pipeline("api", documents: 30, ["--outage", "403@30+10"])
    let end = try pipeline.finish()
    #expect(try pipeline.counts().completed == 30, "\(end)")
    let used = try pipeline.rows("SELECT count(*) FROM index_documents WHERE download_attempts > 1")
    #expect(used == [["0"]])
  }

  @Test("Sessions that end in the middle are begun again", arguments: ["login", "form"])
  func sessionsEnd(name: String) throws {
    let pipeline = try Self.pipeline(name, documents: 30, ["--session-requests", "7"])
    let end = try pipeline.finish(environment: Self.environment)
    #expect(try pipeline.counts().completed == 30, "\(end)")
    #expect(end.code == 0, "\(end)")
    let signs = pipeline.portal.requests.filter { $0["path"]?.string?.hasSuffix("signin") == true }
    if name == "login" { #expect(signs.count > pipeline.workers, "\(signs.count)") }
  }

  @Test(
    "A form that changes in the middle is an outage of the site, and no document is called absent")
  func formChange() throws {
    let pipeline = try Self.pipeline("form", documents: 30, ["--form-change", "15"])
    let end = try pipeline.finish(["--outage-limit", "1"])
    let counts = try pipeline.counts()
    #expect(counts.completed >= 10 && counts.absent == 0, "\(counts) \(end)")
    #expect(end.code == ToolExit.unavailable.rawValue, "\(end)")
    #expect(counts.failed == 0 && counts.inProgress == 0, "\(counts)")
  }

  @Test("A wrong password is tried once, by all workers together, and ends the run with 77")
  func wrongPassword() throws {
    let pipeline = try Self.pipeline("login", documents: 20)
    let secret = "wrong-\(UInt64.random(in: .min ... .max))"
    let end = try pipeline.finish(environment: ["PORTAL_PASSWORD": secret])
    #expect(end.code == ToolExit.permission.rawValue, "\(end)")
    let signs = pipeline.portal.requests.filter { $0["path"]?.string?.hasSuffix("signin") == true }
    #expect(signs.count == 1, "\(signs)")
    #expect(!"\(end)".contains(secret))
    for file in Files.all(in: pipeline.state) {
      let data = FileManager.default.contents(atPath: "\(pipeline.state)/\(file)") ?? Data()
      #expect(data.range(of: Data(secret.utf8)) == nil, "\(file)")
    }
  }

  @Test("conveyor explain and portal-test, without a network") func offline() throws {
    let examples = "\(sourceTree)/examples/portals"
    let environment = ["CONVEYOR_BIN": builtTools]
    let tests = try run(
      "\(sourceTree)/bin/conveyor", ["portal-test", "--portals-dir", examples],
      environment: environment)
    #expect(tests.code == 0, "\(tests)")
    #expect(
      tests.lines.count == 5 && tests.lines.allSatisfy { $0.contains(" passed (") }, "\(tests)")
    let words = [
      "explain", "--portal", "\(examples)/api.yaml", "--portal-base",
      "http://127.0.0.1:8080/sites/api/",
      "--from", "\(examples)/api.tests/by-instrument",
    ]
    let told = try run("\(sourceTree)/bin/conveyor", words, environment: environment)
    #expect(told.code == 0, "\(told)")
    #expect(told.text.contains("file /pages/*/file: "), "\(told)")
    #expect(told.lines.last?.hasPrefix("result: fetched") == true, "\(told)")
    let none = try run(
      "\(sourceTree)/bin/conveyor",
      words.dropLast() + ["\(examples)/api.tests", "--field", "book=1"],
      environment: environment)
    #expect(none.code == ToolExit.configuration.rawValue, "\(none)")
  }

  @Test("Without its secret a portal is not asked") func noPassword() throws {
    let pipeline = try Self.pipeline("login", documents: 20)
    let end = try pipeline.finish()
    #expect(end.code == ToolExit.configuration.rawValue, "\(end)")
    #expect(end.errors.contains("PORTAL_PASSWORD"), "\(end)")
    #expect(pipeline.portal.requests.isEmpty)
  }
}
