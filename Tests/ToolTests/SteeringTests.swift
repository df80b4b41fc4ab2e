import Common
import Foundation
import Support
import Testing

/// Orders for a host, as an operator gives them while runs are under way.
@Suite("Steering a run")
struct SteeringTests {
  @Test("A pause stops every process, costs no attempt, and is lifted by resume")
  func pause() throws {
    let folder = try TemporaryDirectory()
    let portal = try SamplePortal(in: folder.path, ["--document-size", "2000"])
    let host = String(portal.base.dropFirst("http://".count))
    let limiter = ["--limiter", "\(folder.path)/limiter.sqlite"]
    func order(_ words: [String]) throws -> Finished {
      try run(
        "\(sourceTree)/bin/conveyor", ["limiter"] + words + ["--state", folder.path] + limiter,
        environment: ["CONVEYOR_BIN": builtTools])
    }
    let paused = try order(["pause", host, "--why", "the clerk's office called"])
    #expect(paused.code == 0 && paused.text.contains("the clerk's office called"), "\(paused)")
    let programs = try (0..<3).map { number in
      let lines = (number * 10 + 1...number * 10 + 10).map {
        #"{"id":"\#($0)","url":"\#(portal.base)/documents/\#($0).pdf"}"#
      }
      return try Program(
        "fetch",
        ["--state", "\(folder.path)/state\(number)", "--rate-limit-delay", "0.01"] + limiter,
        input: Array((lines.joined(separator: "\n") + "\n").utf8))
    }
    // Each says so in its log when it meets the order.
    #expect(
      eventually { programs.allSatisfy { $0.errors.contains("paused until it is resumed") } })
    #expect(portal.requests.isEmpty)
    #expect(
      try order(["show"]).text.contains("paused until it is resumed: the clerk's office called"))
    #expect(try order(["resume", host]).code == 0)
    for program in programs {
      let finished = program.wait()
      #expect(finished.code == 0, "\(finished)")
      #expect(try finished.records.count { $0["fetch"] != nil && $0["error"] == nil } == 10)
    }
    #expect(portal.requests.count == 30)
    #expect(try order(["show", "--json"]).records.first?["orders"] == nil)
  }

  @Test("stop --drain ends all pipelines of a stage in order, and new ones begin when it is lifted")
  func drain() throws {
    let pipeline = try PipelineRun(documents: 300, ["--document-size", "2000", "--latency", "0.1"])
    func stop(_ words: [String]) throws -> Finished {
      try run(
        "\(sourceTree)/bin/conveyor",
        ["stop", "--stage", "\(pipeline.folder.path)/stage.yaml", "--index", pipeline.indexURL]
          + words, environment: ["CONVEYOR_BIN": builtTools])
    }
    let limiter = ["--limiter", "\(pipeline.folder.path)/limiter.sqlite"]
    let programs = try [pipeline.state, "\(pipeline.folder.path)/state2"].map {
      try pipeline.start(limiter + ["--rate-limit-delay", "0.1"], state: $0)
    }
    #expect(eventually { (try? pipeline.counts().completed) ?? 0 > 4 })
    let ordered = try stop(["--drain", "--why", "upgrade"])
    #expect(ordered.code == 0 && ordered.text.contains("upgrade"), "\(ordered)")
    for program in programs {
      let end = program.wait()
      #expect(end.code == ToolExit.interrupted.rawValue, "\(end)")
      #expect(end.errors.contains("conveyor stop --lift --stage stage"), "\(end)")
    }
    let counts = try pipeline.counts()
    #expect(counts.inProgress == 0 && counts.failed == 0 && counts.pending > 0, "\(counts)")
    try pipeline.checkCompleted()
    let used = "SELECT COUNT(*) FROM index_documents WHERE download_attempts > 0"
    #expect(try pipeline.rows("\(used) AND download_status = 'pending'") == [["0"]])
    // A machine that comes late meets it, too.
    let late = try pipeline.finish(limiter)
    #expect(
      late.code == ToolExit.unavailable.rawValue && late.errors.contains("upgrade"), "\(late)")
    let claimed = try run(
      "enqueue", ["--index", pipeline.indexURL, "--stage", "\(pipeline.folder.path)/stage.yaml"])
    #expect(claimed.code == ToolExit.unavailable.rawValue && claimed.output.isEmpty, "\(claimed)")
    #expect(try stop([]).text.contains("stopped at"))
    #expect(try stop(["--lift"]).text == "no orders to stop\n")
    #expect(try pipeline.finish(limiter + ["--limit", "5"]).code == 0)
    #expect(try pipeline.counts().completed == counts.completed + 5)
  }

  /// Processes, and no threads: file locks are those of a process, and closing a file drops them all.
  @Test("Of several processes that find the limiter damaged, one makes it anew, and all go on")
  func damaged() throws {
    let folder = try TemporaryDirectory()
    func order(_ host: String) throws -> Program {
      try Program(
        "fetch", ["limiter", "set", host, "--delay", "1s", "--state", folder.path])
    }
    #expect(try order("first:80").wait().code == 0)
    var bytes = Array(
      try #require(FileManager.default.contents(atPath: "\(folder.path)/limiter.sqlite")))
    bytes.replaceSubrange(0..<4096, with: [UInt8](repeating: 0, count: 4096))
    try folder.write(bytes, to: "limiter.sqlite")
    let programs = try (1...6).map { try order("h\($0):80") }
    for program in programs {
      let finished = program.wait()
      #expect(finished.code == 0, "\(finished)")
    }
    let shown = try run("fetch", ["limiter", "--json", "--state", folder.path])
    #expect(try shown.records.count == 7)
  }

  @Test(
    "An order may come before the first run: nothing of the state is there yet",
    arguments: [["pause", "portal.example.org:443"], ["set", "h:80", "--delay", "1s"]])
  func inAdvance(_ words: [String]) throws {
    let folder = try TemporaryDirectory()
    for place in [["--state", "\(folder.path)/new/state"], []] {
      let environment = ["XDG_STATE_HOME": "\(folder.path)/home"]
      let end = try run("fetch", ["limiter"] + words + place, environment: environment)
      #expect(end.code == 0 && end.text.contains(words[1]), "\(end)")
      let shown = try run("fetch", ["limiter", "show"] + place, environment: environment)
      #expect(shown.text.contains(words[1]), "\(shown)")
    }
  }

  @Test("What is wrong with an order is said, with what to write")
  func refusals() throws {
    let folder = try TemporaryDirectory()
    func order(_ words: [String]) throws -> Finished {
      try run("fetch", ["limiter"] + words + ["--state", folder.path])
    }
    let cases: [(words: [String], code: Int32, says: String)] = [
      (["show"], 74, "no limiter yet"),
      (["pause"], 64, "which host?"),
      (["pause", "portal.example.org"], 64, "give its port, too"),
      (["set", "h:80"], 64, "--delay"),
      (["hours", "h:80"], 64, "22:00-06:00 America/Chicago"),
      (["hours", "h:80", "22-6"], 64, "22:00-06:00 America/Chicago"),
      (["stop", "h:80"], 64, "show"),
      (["pause", "h:80", "--for", "soon"], 64, "2h"),
    ]
    for (words, code, says) in cases {
      let finished = try order(words)
      #expect(finished.code == code && finished.errors.contains(says), "\(words): \(finished)")
    }
    #expect(try order(["hours", "h:443", "22:00-06:00 America/Chicago"]).code == 0)
    let slow = try order(["set", "H", "--delay", "2s"])
    #expect(slow.code == 0 && slow.text.contains("2 s between requests"), "\(slow)")
    #expect(try order(["clear", "h"]).text == "h:443: no orders\n")
  }
}
