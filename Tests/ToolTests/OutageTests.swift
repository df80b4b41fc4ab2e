import Common
import Index
import Support
import Testing

/// The portal turns everybody away in the middle of a run, and relents (promise P15), seen from outside.
@Suite("A portal that turns everybody away")
struct OutageTests {
  @Test(arguments: ["202", "maintenance", "reset"])
  func theSameCommandCompletesAll(kind: String) throws {
    let belt = try BeltRun(documents: 60, ["--outage", "\(kind)@30+1"])
    let end = try belt.finish()
    #expect(end.code == 0, "\(end)")
    let counts = try belt.counts()
    #expect(counts.completed == counts.total && counts.failed == 0)
    let attempts = try belt.rows("SELECT max(download_attempts) FROM index_documents")
    #expect(attempts == [["1"]], "no attempt was used up")
    let during = belt.portal.requests.filter { $0["outage"] == .bool(true) }.count
    #expect((1...20).contains(during), "\(during)")
    let log = Files.lines("\(belt.state)/conveyor.log").joined(separator: "\n")
    #expect(log.contains("has refused everybody since") && log.contains("answers again after"))
    try belt.checkCompleted()
  }

  @Test func aBaseThatIsWrongFailsNothing() throws {
    let belt = try BeltRun(documents: 20)
    let end = try belt.finish([
      "--portal-base", belt.portal.base + "/moved/", "--outage-limit", "0.5",
    ])
    #expect(end.code == ExitCode.unavailable.rawValue, "\(end)")
    #expect(try belt.counts().failed == 0)
    let attempts = try belt.rows("SELECT max(download_attempts) FROM index_documents")
    #expect(attempts == [["0"]], "\(attempts)")
    #expect(end.errors.contains("--portal-base"), "\(end.errors)")
    // The same command with the right address completes all.
    #expect(try belt.finish().code == 0)
  }
}
