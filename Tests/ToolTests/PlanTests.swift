import Common
import Foundation
import Support
import Testing

/// What fetch notes as it runs, and what is made of it.
@Suite("Samples and plans")
struct PlanTests {
  private func conveyor(
    _ words: [String], _ environment: [String: String] = [:]
  ) throws -> Finished {
    try run(
      "\(sourceTree)/bin/conveyor", words,
      environment: environment.merging(["CONVEYOR_BIN": builtTools]) { $1 })
  }

  /// The samples of some days up to now: two good answers a second, a delay of half a second.
  private func history(_ host: String, days: Int = 8) -> String {
    let now = Int(Date().timeIntervalSince1970)
    return stride(from: now - days * 86_400, to: now, by: 120).map { time in
      """
      {"at":"\(Time.timestamp(Int64(time) * 1_000_000_000))","host":"\(host)","seconds":120,"workers":3,"delay":0.5,\
      "started":240,"completed":238,"refused":0,"broken":0,"documents":120,\
      "latency":{"mean":0.8,"p50":0.8,"p95":0.9}}

      """
    }.joined()
  }

  @Test("A run notes each request, and plan says what the same command line will bring")
  func planned() throws {
    let pipeline = try PipelineRun(documents: 60, ["--document-size", "2000"])
    let stage = "\(pipeline.folder.path)/stage.yaml"
    let options = [
      "--stage", stage, "--index", pipeline.indexURL, "--state", pipeline.state, "--to",
      pipeline.to,
      "--portal-base", pipeline.portal.base,
    ]
    let early = try conveyor(["plan"] + options)
    #expect(early.code == ToolExit.inputOutput.rawValue, "\(early)")
    #expect(early.errors.contains("there are no samples yet in"), "\(early)")
    let half = try pipeline.finish(["--limit", "30"])
    #expect(half.code == 0, "\(half)")
    let host = String(pipeline.portal.base.dropFirst("http://".count))
    let path = "\(pipeline.state)/samples.jsonl"
    let samples = try Files.lines(path).map { try JSON(parsing: $0) }
    func sum(_ name: String) -> Int { samples.reduce(0) { $0 + ($1[name]?.int ?? 0) } }
    #expect(samples.allSatisfy { $0["host"]?.string == host && $0["workers"]?.int == 4 })
    // robots.txt is asked for before the first of them.
    let requests = pipeline.portal.requests.count { $0["path"]?.string != "/robots.txt" }
    #expect(sum("started") == requests && sum("completed") == requests, "\(samples)")
    #expect(sum("documents") == 30 && sum("refused") + sum("broken") == 0)
    let few = try conveyor(["plan"] + options)
    #expect(few.code == ToolExit.inputOutput.rawValue, "\(few)")
    #expect(few.errors.contains("too few samples") && few.errors.contains(host), "\(few)")

    try Data(history(host).utf8).write(to: URL(fileURLWithPath: path))
    let before = pipeline.portal.requests.count
    let plan = try conveyor(["plan"] + options + ["--rate-limit-delay", "0.5"])
    #expect(plan.code == 0, "\(plan)")
    #expect(
      plan.text.contains("\(host): 3 workers. The delay of 0.5 s permits 2 requests"), "\(plan)")
    #expect(plan.text.contains("one more worker would only wait"))
    #expect(plan.text.contains("Back-test over the last day"))
    #expect(plan.text.contains("30 documents to do: the end is expected on"))
    let lines = try conveyor(["plan", "--json", "--limit", "10"] + options).records
    let json = try #require(lines.first)
    #expect(json["documents"]?.int == 10)
    let one = try #require(json["hosts"]?.array?.first)
    #expect(one["workers"]?.int == 3 && one["hours"]?.array?.count == 24)
    let perHour = try #require(one["hours"]?.array?[5]["documents"]?.double)
    #expect(abs(perHour - 3600) < 60, "\(perHour)")
    #expect(try #require(one["back_test"]?["mean_absolute_error"]?.double) < 0.01)
    #expect(pipeline.portal.requests.count == before, "a plan makes no request")

    // auto begins where the plan does, and says so.
    let rest = try pipeline.finish(["--fetch-workers", "auto", "--fetch-verbose"])
    #expect(rest.code == 0, "\(rest)")
    let log = Files.lines("\(pipeline.state)/conveyor.log")
    #expect(log.contains { $0.contains("workers: begins with ") && $0.contains("by the samples") })
    try pipeline.checkCompleted()
  }

  @Test("Samples that cannot be written fail no document, and are said once")
  func fullDisk() throws {
    let folder = try TemporaryDirectory()
    let portal = try SamplePortal(in: folder.path, ["--document-size", "2000"])
    let lines = (1...20).map { #"{"id":"\#($0)","url":"\#(portal.base)/documents/\#($0).pdf"}"# }
    let fetched = try fetch(
      ["--samples", "/dev/full", "--state", folder.path, "--rate-limit-delay", "0"], lines)
    #expect(fetched.code == 0, "\(fetched)")
    #expect(try fetched.records.allSatisfy { $0["fetch"] != nil })
    let said = fetched.errors.split(separator: "\n").filter { $0.contains("cannot write samples") }
    #expect(said.count == 1, "\(fetched)")
    #expect(said[0].contains("No space left on device"))
  }

  @Test("Lines of something else are left out, counted, and a dry run notes nothing")
  func others() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(
      "garbage\n" + history("a:80", days: 1) + #"{"at":"2026-11-2"#, to: "samples.jsonl")
    try folder.write(history("b:80", days: 2), to: "samples.jsonl.1")
    let plan = try run("fetch", ["plan", "--state", folder.path, "--documents", "0"])
    #expect(plan.code == 0, "\(plan)")
    #expect(plan.errors.contains("left out 2 lines"), "\(plan)")
    #expect(plan.text.contains("a:80: 3 workers") && plan.text.contains("b:80: 3 workers"))
    for text in ["", "\u{0}", "{}\n", #"[{"at":1}]"#] {
      try folder.write(text, to: "samples.jsonl")
      try folder.write("", to: "samples.jsonl.1")
      let none = try run("fetch", ["plan", "--samples", path, "--state", folder.path])
      #expect(none.code == ToolExit.inputOutput.rawValue && none.output.isEmpty, "\(none)")
    }
    let empty = try TemporaryDirectory()
    let dry = try fetch(
      ["--dry-run", "--state", empty.path, "--workers", "auto"],
      [#"{"id":"1","url":"http://127.0.0.1:1/a.pdf"}"#])
    #expect(dry.code == 0 && empty.files().isEmpty, "\(dry)")
  }

  private func fetch(_ words: [String], _ lines: [String]) throws -> Finished {
    try run("fetch", words, lines: lines)
  }
}
