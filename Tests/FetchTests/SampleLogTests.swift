import Common
import Foundation
import Glibc
import Logging
import Support
import Synchronization
import Testing

@testable import fetch

@Suite struct SampleLogTests {
  /// Keeps what is logged.
  private struct Lines: LogHandler {
    final class Kept: Sendable {
      let lines = Mutex<[String]>([])
    }

    let kept: Kept
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { kept.lines.withLock { $0.append("\(event.message)") } }
  }

  private static let largest = 20_000
  private let folder: TemporaryDirectory
  private let kept = Lines.Kept()
  private var path: String { "\(folder.path)/samples.jsonl" }

  init() throws { folder = try TemporaryDirectory() }

  private func log(_ path: String? = nil, names: [String: String] = [:]) -> SampleLog {
    let lines = Lines(kept: kept)
    return SampleLog(
      path: path ?? self.path, largest: Self.largest, names: names,
      logger: Logger(label: "test") { _ in lines }
    ) { 3 }
  }

  /// A request of so many seconds.
  private func ask(
    _ log: SampleLog, _ host: String = "portal:443", _ seconds: Double = 0.5, status: Int? = 200,
    isDropped: Bool = false
  ) {
    log.started(host)
    log.ended(host, status: status, isDropped: isDropped, seconds: seconds, delay: 0.25)
  }

  private func lines(_ path: String) -> [String] {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
      .split(separator: "\n").map(String.init)
  }

  @Test func aWindowHoldsWhatHappenedInIt() throws {
    let log = log(names: ["mirror:80": "portal:443"])
    for number in 1...100 { ask(log, number % 2 == 0 ? "portal:443" : "mirror:80", Double(number)) }
    ask(log, status: 503, isDropped: true)
    ask(log, status: nil, isDropped: true)
    ask(log, status: nil)
    ask(log, status: 404)
    log.started("portal:443")
    log.documentDone("mirror:80")
    log.started("other:80")
    let before = Time.monotonic()
    let samples = log.take(now: before + 20_000_000_000, at: 1_795_824_000_000_000_000)
    #expect(samples.map(\.host) == ["other:80", "portal:443"])
    let sample = try #require(samples.last)
    #expect(sample.seconds >= 20 && sample.workers == 3 && sample.delay == 0.25)
    #expect(sample.started == 105 && sample.completed == 101)
    #expect(sample.refused == 1 && sample.broken == 1 && sample.documents == 1)
    // 1 to 100 s, and the half second of the page that was not there.
    #expect(abs(sample.mean - 5050.5 / 101) < 1e-9)
    #expect(sample.median == 50 && sample.slow == 95)
    #expect(samples[0].completed == 0 && samples[0].json["latency"] == .null)
    // Each is read as it was written.
    for sample in samples {
      let read = try #require(WindowSample(line: sample.json.serialized()))
      #expect(read.json == sample.json)
    }
    // A window after it begins where it ended; one in which nothing happened has no line.
    ask(log)
    let second = try #require(log.take(now: before + 40_000_000_000).first)
    #expect(second.started == 1 && second.seconds == 20)
    #expect(log.take().isEmpty)
  }

  @Test func manyAnswersAndManyHostsStaySmall() throws {
    let log = log()
    for number in 0..<50_000 { ask(log, "portal:443", Double(number % 100)) }
    for number in 0..<1000 { ask(log, "host\(number):80") }
    let samples = log.take()
    #expect(samples.count == Traffic.mostHosts)
    let portal = try #require(samples.first { $0.host == "portal:443" })
    #expect(portal.completed == 50_000 && abs(portal.mean - 49.5) < 1e-6)
    #expect((44...55).contains(portal.median) && (92...97).contains(portal.slow))
  }

  @Test func aLineFollowsAnotherAlsoBehindAHalfOne() throws {
    for text in ["", #"{"at":"2026-11-26T0"#, "\n", "{}\n"] {
      try folder.write(text, to: "samples.jsonl")
      let log = log()
      ask(log)
      log.end()
      let log2 = self.log()
      ask(log2)
      log2.end()
      let (samples, others) = try WindowSample.read(path)
      #expect(samples.count == 2, "\(text)")
      #expect(others == (text.hasPrefix("{") ? 1 : 0), "\(text)")
    }
    #expect(kept.lines.withLock(\.self).isEmpty)
  }

  @Test func aFullFileBecomesTheOneBefore() throws {
    let log = log()
    ask(log)
    log.end()
    let line = try #require(lines(path).first)
    let many = Self.largest / (line.utf8.count + 1) + 1
    try folder.write(String(repeating: line + "\n", count: many), to: "samples.jsonl")
    let next = self.log()
    ask(next, "later:80")
    next.end()
    #expect(lines(path).count == 1 && lines(path + ".1").count == many)
    let (samples, others) = try WindowSample.read(path)
    #expect(samples.count == many + 1 && others == 0 && samples.last?.host == "later:80")
  }

  /// Of two processes that find it full, the second must not put an almost empty one in its place.
  @Test func severalThatFindItFullPutItAsideOnce() throws {
    let line = WindowSample(
      at: 0, seconds: 20, host: "old:80", workers: 1, delay: 0, started: 1, completed: 0,
      refused: 1,
      broken: 0, documents: 0, mean: 0, median: 0, slow: 0
    ).json.description
    let many = Self.largest / (line.utf8.count + 1) + 1
    for _ in 0..<20 {
      try folder.write(String(repeating: line + "\n", count: many), to: "samples.jsonl")
      let logs = (0..<4).map { _ in log() }
      withThreads(4) { number in
        ask(logs[number - 1], "new\(number):80")
        logs[number - 1].end()
      }
      let (samples, others) = try WindowSample.read(path)
      #expect(others == 0 && samples.count { $0.host == "old:80" } == many)
      #expect(samples.count { $0.host != "old:80" } == 4)
    }
  }

  @Test func whatCannotBeWrittenIsSaidOnce() throws {
    for path in ["/dev/full", "\(folder.path)/none/samples.jsonl", folder.path] {
      kept.lines.withLock { $0 = [] }
      let log = log(path)
      for _ in 0..<3 {
        ask(log)
        log.end()
      }
      let lines = kept.lines.withLock(\.self)
      #expect(
        lines.count == 1 && lines[0].hasPrefix("cannot write samples to \(path): "), "\(lines)")
    }
  }

  private static let others: [String] = [
    "", "{}", "[]", "null", "nonsense", "\u{0}\u{FFFF}", #"{"at":"2026-11-26T08:00:20.114Z"}"#,
    line(#""seconds":20"#, #""seconds":0"#), line(#""seconds":20"#, #""seconds":1e999"#),
    line(#""seconds":20"#, #""seconds":-20"#), line(#""seconds":20"#, #""seconds":86400"#),
    line(#""seconds":20"#, #""seconds":"20""#), line(#""workers":3"#, #""workers":-3"#),
    line(#""workers":3"#, #""workers":9223372036854775808"#), line(#""delay":0.5"#, #""delay":-1"#),
    line(#""delay":0.5"#, #""delay":1e308"#), line(#""completed":40"#, #""completed":1e3"#),
    line(#""completed":40"#, #""completed":99999999999"#),
    line(#""host":"portal:443""#, #""host":"""#),
    line(#""mean":0.8"#, #""mean":0"#), line(#""mean":0.8"#, #""mean":1e400"#),
    line(#""mean":0.8"#, #""mean":null"#), line(#""p95":1.2"#, #""p99":1.2"#),
    line("2026-11-26T08:00:20.114Z", "yesterday"),
    line("2026-11-26T08:00:20.114Z", "2026-11-26T08:00Z"),
    line("}}", "}"), line("{\"at\"", "{\"at\":1,\"at\""),
  ]

  @Test(arguments: others)
  func aLineOfSomethingElseIsNone(_ text: String) {
    #expect(WindowSample(line: Array(text.utf8)) == nil)
  }

  @Test func timesBeyondAllBoundsAreNoTrap() throws {
    for time in ["2147483647-01-01T00:00:00.000Z", "0000-00-00T00:00:00.2147483647Z"] {
      let text = Self.line("2026-11-26T08:00:20.114Z", time)
      let sample = try #require(WindowSample(line: Array(text.utf8)))
      #expect(WorkerPlan([sample], asked: [], now: 1_795_824_000) { _ in 0 }.hosts.isEmpty)
    }
    #expect(WindowSample(line: Array(Self.line(" ", " ").utf8)) != nil)
  }

  private static func line(_ part: String, _ other: String) -> String {
    (#"{"at":"2026-11-26T08:00:20.114Z","host":"portal:443","seconds":20,"workers":3,"delay":0.5,"#
      + #""started":40,"completed":40,"refused":0,"broken":0,"documents":20,"#
      + #""latency":{"mean":0.8,"p50":0.8,"p95":1.2}}"#).replacing(part, with: other)
  }

  @Test func aFolderOrAPipeIsNoFileOfSamples() throws {
    #expect(try WindowSample.read("\(folder.path)/none").samples.isEmpty)
    #expect(try WindowSample.read(folder.path).samples.isEmpty)
    #expect(mkfifo(path, 0o600) == 0)
    #expect(try WindowSample.read(path).samples.isEmpty)
  }
}
