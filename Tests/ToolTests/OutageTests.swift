import Common
import Index
import Support
import Testing

/// The portal turns everybody away in the middle of a run, and relents (promise P15), seen from outside.
@Suite("A portal that turns everybody away")
struct OutageTests {
  @Test(arguments: ["202", "maintenance", "reset"])
  func theSameCommandCompletesAll(kind: String) throws {
    let pipeline = try PipelineRun(documents: 60, ["--outage", "\(kind)@30+1"])
    let end = try pipeline.finish()
    #expect(end.code == 0, "\(end)")
    let counts = try pipeline.counts()
    #expect(counts.completed == counts.total && counts.failed == 0)
    let attempts = try pipeline.rows("SELECT max(download_attempts) FROM index_documents")
    #expect(attempts == [["1"]], "no attempt was used up")
    let during = pipeline.portal.requests.filter { $0["outage"] == .bool(true) }.count
    #expect((1...20).contains(during), "\(during)")
    let log = Files.lines("\(pipeline.state)/conveyor.log").joined(separator: "\n")
    #expect(log.contains("has refused everybody since") && log.contains("answers again after"))
    try pipeline.checkCompleted()
  }

  @Test func aBaseThatIsWrongFailsNothing() throws {
    let pipeline = try PipelineRun(documents: 20)
    let end = try pipeline.finish([
      "--portal-base", pipeline.portal.base + "/moved/", "--outage-limit", "0.5",
    ])
    #expect(end.code == ToolExit.unavailable.rawValue, "\(end)")
    #expect(try pipeline.counts().failed == 0)
    let attempts = try pipeline.rows("SELECT max(download_attempts) FROM index_documents")
    #expect(attempts == [["0"]], "\(attempts)")
    #expect(end.errors.contains("--portal-base"), "\(end.errors)")
    // The same command with the right address completes all.
    #expect(try pipeline.finish().code == 0)
  }
}
