import Files
import Common
import Glibc
import Subprocesses
import Support
import Testing

@testable import optimize

/// What a document that takes for ever, a crash, a kill and Ctrl+C leave behind.
@Suite("Isolation")
struct IsolationTests {
  @Test("kill -9 leaves no process and no half file, and the next run cleans up")
  func killed() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(Fixture.endless, to: "x.pdf")
    let run = try ToolRun(["--engine", "ghostscript", path])
    let (worker, gs) = try Processes.untilGhostscriptRuns(below: run.pid)
    kill(run.pid, SIGKILL)
    #expect(run.wait() == .signal(SIGKILL))
    let areGone = eventually {
      !Processes.isAlive(worker) && !Processes.isAlive(gs)
    }
    try #require(areGone, "waited in vain: all processes are gone")
    let left = directory.names.filter { $0 != "x.pdf" }
    #expect(left.allSatisfy { $0.hasPrefix(Workspace.prefix) }, "\(left)")
    let next = try ToolRun([try directory.write(Fixture.scan, to: "y.pdf")])
    #expect(next.wait() == .status(0))
    #expect(directory.names == ["x.pdf", "y.optimized.pdf", "y.pdf"])
  }

  @Test("A process that dies costs one document, which keeps its original")
  func crashed() throws {
    let directory = try TemporaryDirectory()
    let paths = [
      try directory.write(Fixture.endless, to: "x.pdf"),
      try directory.write(Fixture.scan, to: "y.pdf"),
    ]
    let run = try ToolRun(["--engine", "ghostscript", "--workers", "1"] + paths)
    let (worker, _) = try Processes.untilGhostscriptRuns(below: run.pid)
    kill(worker, SIGSEGV)
    #expect(run.wait() == .status(0))
    let members = try run.records().map { $0["optimize"] }
    #expect(
      members[0]?["reason"]
        == .string("the worker process ended unexpectedly"))
    #expect(members[0]?["detail"] == .string("it was ended by signal 11"))
    #expect(members[1]?["method"] == .string("ghostscript/ebook"))
    #expect(directory.names == ["x.pdf", "y.optimized.pdf", "y.pdf"])
  }

  @Test("A process that died between documents costs none")
  func diedIdle() throws {
    let directory = try TemporaryDirectory()
    let pipe = try Launch.makePipe()
    defer { close(pipe.output) }
    let run = try ToolRun(
      ["--engine", "ghostscript", "--workers", "1"], standardInput: pipe.output)
    func feed(_ id: String) throws {
      let path = try directory.write(Fixture.scan, to: "\(id).pdf")
      let record: JSON = .object(["id": .string(id), "path": .string(path)])
      #expect(writeAll(record.serialized() + [UInt8(ascii: "\n")], to: pipe.input) == 0)
    }
    try feed("1")
    let isOut = eventually { (try? run.records().count) == 1 }
    try #require(isOut, "waited in vain: the first record is out")
    let workers = Processes.children(of: run.pid)
    #expect(workers.count == 1)
    for worker in workers { kill(worker, SIGKILL) }
    try feed("2")
    close(pipe.input)
    #expect(run.wait() == .status(0))
    let methods = try run.records().map { $0["optimize"]?["method"] }
    #expect(methods == [.string("ghostscript/ebook"), .string("ghostscript/ebook")])
  }

  @Test("A document that takes too long keeps its original")
  func timeout() throws {
    let directory = try TemporaryDirectory()
    let run = try ToolRun(
      [
        "--engine", "ghostscript", "--timeout", "1s",
        try directory.write(Fixture.endless, to: "x.pdf"),
      ])
    #expect(run.wait() == .status(0))
    // On a machine with much else to do, the clock comes first.
    let reasons = ["Ghostscript took too long", "optimizing took too long"]
    let reason = try run.records()[0]["optimize"]?["reason"]?.string ?? ""
    #expect(reasons.contains(reason), "\(reason)")
    #expect(directory.names == ["x.pdf"])
  }

  @Test("A process that stops answering is ended by the clock")
  func stuck() throws {
    let directory = try TemporaryDirectory()
    // It stops itself: on a busy machine the clock may be through before somebody else would.
    let program = try directory.write(
      "#!/bin/sh\ncase $1 in --version) echo 10.05.1 ;; *) kill -STOP $$ ;; esac\n", to: "stuck")
    chmod(program, 0o700)
    let run = try ToolRun(
      [
        "--engine", "ghostscript", "--timeout", "1s", "--gs", program,
        try directory.write(Fixture.endless, to: "x.pdf"),
      ])
    #expect(run.wait() == .status(0))
    #expect(
      try run.records()[0]["optimize"]?["reason"] == .string("optimizing took too long"))
    let isGone = eventually { Processes.running(program).isEmpty }
    try #require(isGone, "waited in vain: Ghostscript is gone")
    #expect(directory.names == ["stuck", "x.pdf"])
  }

  @Test("Ctrl+C gives a document in flight five seconds, and ends with 130")
  func interrupted() throws {
    let directory = try TemporaryDirectory()
    let run = try ToolRun(
      ["--engine", "ghostscript", try directory.write(Fixture.endless, to: "x.pdf")])
    _ = try Processes.untilGhostscriptRuns(below: run.pid)
    let start = Time.monotonic()
    kill(run.pid, SIGINT)
    #expect(run.wait() == .status(130))
    #expect(Time.monotonic() - start < 9_000_000_000)
    let error = try run.records()[0]["error"]
    #expect(error?["class"] == .string("interrupted"))
    #expect(error?["counts"] == .bool(false))
    #expect(directory.names == ["x.pdf"])
  }
}
