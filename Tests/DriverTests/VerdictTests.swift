import Common
import Testing

@testable import driver

@Suite("The exit status of a run")
struct VerdictTests {
  private static let names = ["enqueue", "fetch", "optimize", "upload", "validate"]

  private func verdict(_ statuses: [Int32], wasStopped: Bool = false) -> Verdict {
    Verdict(Array(zip(Self.names, statuses)).map { ($0, $1) }, wasStopped: wasStopped)
  }

  @Test(
    "One status of five",
    arguments: [
      ([0, 0, 0, 0, 0], 0),
      // A later attempt may have completed what failed in fetch: validate knows.
      ([0, 3, 0, 0, 0], 0), ([0, 3, 0, 0, 3], 3), ([3, 0, 0, 0, 0], 0),
      // The first that could not go on, not the last.
      ([0, 69, 0, 0, 3], 69), ([0, 0, 0, 77, 3], 77), ([0, 74, 0, 77, 65], 74),
      ([78, 3, 3, 3, 3], 78),
      // An interruption is one wherever it is.
      ([130, 0, 0, 0, 0], 130), ([0, 69, 0, 0, 130], 130), ([0, 0, 137, 0, 130], 130),
      // A plugin's own status, and a program that is not there.
      ([0, 0, 70, 0, 0], 70), ([0, 0, 127, 0, 0], 127), ([0, 0, 128, 0, 3], 128),
      // Ended by a signal: it could not go on.
      ([0, 137, 0, 0, 0], 1), ([0, 0, 139, 0, 3], 1), ([74, 137, 0, 0, 3], 74),
      ([0, 137, 74, 0, 3], 1),
    ] as [([Int32], Int32)])
  func table(_ statuses: [Int32], _ code: Int32) {
    #expect(verdict(statuses).code == code)
  }

  @Test(
    "A program that a signal ended is named, with what that may mean, unless the run was told to stop"
  )
  func killed() throws {
    let killed = verdict([0, 137, 0, 139, 3])
    #expect(killed.lines.count == 2)
    let first = try #require(killed.lines.first)
    #expect(
      first.hasPrefix(
        "fetch was ended by signal 9, SIGKILL (by somebody, or because memory ran out"))
    #expect(first.contains("The same command resumes."))
    #expect(killed.lines.last?.hasPrefix("upload was ended by signal 11, SIGSEGV. ") == true)
    #expect(
      verdict([0, 152, 0, 0, 0]).lines.first?.contains("SIGXCPU (it used up its processor") == true)
    #expect(
      verdict([0, 0, 170, 0, 0]).lines.first?.hasPrefix("optimize was ended by signal 42.") == true)
    let stopped = verdict([0, 143, 0, 0, 3], wasStopped: true)
    #expect(stopped.code == 130 && stopped.lines.isEmpty)
    // Told to stop and done before it heard of it.
    #expect(verdict([0, 0, 0, 0, 3], wasStopped: true).code == 3)
    #expect(verdict([0, 69, 0, 0, 3], wasStopped: true).code == 69)
  }

  @Test("Every signal has the name that the shell gives it")
  func names() {
    for (number, name) in [
      (1, "HUP"), (2, "INT"), (6, "ABRT"), (15, "TERM"), (24, "XCPU"), (31, "SYS"),
    ] {
      #expect(Verdict.describe(signal: Int32(number)).contains("signal \(number), SIG\(name)"))
    }
  }

  @Test("The end of a run says where its log is, and how it goes on")
  func end() {
    let files = (log: "s/conveyor.log", summary: "s/summary.json")
    let whole = Verdict(pipeline: 0, signals: 0, files: files, limit: nil)
    #expect(whole.code == 0 && whole.lines == ["log: s/conveyor.log   summary: s/summary.json"])
    let interrupted = Verdict(pipeline: 130, signals: 1, files: files, limit: 40)
    #expect(interrupted.code == 130 && interrupted.lines.count == 2)
    #expect(
      interrupted.lines.last
        == "interrupted; the same command goes on and takes up to 40 more documents")
    // The pipeline's shell itself was killed: by the third Ctrl+C, or by somebody.
    #expect(Verdict(pipeline: 137, signals: 3, files: files, limit: nil).code == 130)
    let lost = Verdict(pipeline: 137, signals: 0, files: nil, limit: nil)
    #expect(lost.code == 1)
    #expect(
      lost.lines.first?.hasPrefix("the whole pipeline was ended by signal 9, SIGKILL") == true)
    #expect(
      Verdict(pipeline: 69, signals: 0, files: nil, limit: 3)
        == Verdict(pipeline: 69, signals: 1, files: nil, limit: nil))
  }
}
