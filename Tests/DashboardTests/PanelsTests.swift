import Common
import Foundation
import Index
import Support
import Testing

@testable import Limiter
@testable import Page
@testable import dashboard

/// Whatever a portal, an index, a log or another tool's file has put into a text, it stays one.
@Suite("What is shown")
struct PanelsTests {
  private static let hostile =
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;\u{202E}\u{1B}[31m\u{0}\r\nx"

  /// A sample with something hostile in every text that there is.
  static func sample(_ text: String = hostile) -> Sample {
    var sample = Sample()
    sample.at = [.quick: 1_795_000_000_000_000_000, .whole: 1_795_000_000_000_000_000]
    sample.troubles = ["index": text]
    sample.report.status.completed = 90
    sample.report.status.pending = 10
    sample.report.status.failed = 3
    sample.report.types = [
      TypeStatistics(
        type: text, total: 100, completed: 90, failed: 3, measured: 90, originalBytes: 4000,
        storedBytes: 1000)
    ]
    sample.report.errors = [
      ErrorStatistics(kind: text, message: text, count: 3, example: 7),
      ErrorStatistics(kind: "network", message: text, count: 2),
    ]
    sample.report.timeZone = text
    sample.report.hours = [(498_738, 40), (498_740, 50)]
    sample.report.gaps = [3...5]
    sample.report.books = 1...60
    sample.report.mismatches = [(0...499, 90, 9)]
    sample.health.errors = sample.report.errors
    sample.health.holders = [(text, 3), ("host/4711-1-2-3/run", 4)]
    sample.health.inProgress = 7
    var steering = Steering()
    steering.pause = .init(until: nil, why: text)
    sample.hosts = [
      Limiter.HostStatus(
        host: text, nextSlot: 1, pause: 3, lastStart: 2, refusals: 4, steering: steering)
    ]
    sample.outages = [
      OutageReport(
        tool: text, name: text, reason: text, advice: text, since: 0, nextTry: 0)
    ]
    let tool = JSON.object([
      "tool": .string(text), "process": .int(4711), "at": .string(Time.timestamp()),
      "workers": .int(5), "busy": .int(4), "busy_share": .decimal(0.9),
      "details": .object([
        "decision": .string(text), "bounds": .array([.decimal(0.5), .int(1)]),
        "hosts": .object([
          text: .object([
            "delay": .decimal(0.5), "classes": .object(["answered": .int(5), "refused": .int(1)]),
            "counts": .array([.int(4), .int(1), .int(1)]), "seconds": .decimal(7.5),
          ])
        ]),
      ]),
    ])
    sample.tools = [ToolStatus(tool, now: Time.wall())].compactMap(\.self)
    sample.log = ["2026-11-26T03:00:00Z ERROR fetch \(text)", text]
    return sample
  }

  @Test("No text becomes markup, and none hides what follows", arguments: [false, true])
  func hostileTexts(hasControl: Bool) {
    let panels = Panels(
      sample: Self.sample(), subject: Self.hostile, hints: CommandHints(stage: Self.hostile),
      hasControl: hasControl)
    let all = panels.fragments.map(\.html).joined()
    #expect(all.contains("&lt;script&gt;alert(1)"))
    for evil in [
      "<script", "<img", "\"'>", "\u{202E}", "\u{1B}", "\u{0}", "\r", " onerror=alert(2)>",
    ] {
      #expect(!all.contains(evil), "\(evil.debugDescription)")
    }
    // Every tag is one of ours, with attributes that are quoted and none that runs.
    let tags = all.matches(of: /<\/?([a-z0-9]+)((?: [a-zA-Z-]+="[^"<>]*"| required)*)\/?>/)
    #expect(tags.count == all.filter { $0 == "<" }.count)
    #expect(!tags.contains { $0.2.contains(#/ on[a-z]+=/#) || $0.2.contains("javascript:") })
  }

  @Test("The page is below 60 kB with all that it loads, and says of when its numbers are")
  func size() {
    let panels = Panels(
      sample: Self.sample("a usual text"), subject: "stage", hints: CommandHints(stage: nil),
      hasControl: true)
    let all = panels.fragments.map(\.html).joined() + Assets.style + Assets.script
    #expect(all.utf8.count < 60_000)
    #expect(Assets.script.split(separator: "\n").count <= 70)
    for (id, html) in panels.fragments where !["asof", "overview"].contains(id) {
      #expect(html.contains(#/As of \d\d:\d\d:\d\d UTC\./#), "\(id)")
    }
  }

  @Test("Numbers beyond all bounds are shown, and end nothing", arguments: [Int.max, .min])
  func hugeNumbers(_ number: Int) {
    var sample = Self.sample("a:443")
    let counts: JSON = .object(["ok": .int(number), "429": .int(number)])
    let host: JSON = .object([
      "classes": counts, "counts": .array([.int(number), .int(number)]),
      "seconds": .decimal(-1e300), "delay": .decimal(1e-300),
    ])
    let tool = JSON.object([
      "tool": .string("fetch"), "process": .int(number), "at": .string(Time.timestamp()),
      "workers": .int(number), "busy": .int(number), "busy_share": .decimal(1e300),
      "details": .object(["hosts": .object(["a:443": host])]),
    ])
    sample.tools = [1, 2].compactMap { _ in ToolStatus(tool, now: Time.wall()) }
    sample.report.types = (0..<30).map {
      TypeStatistics(
        type: "\($0)", total: 1, completed: 1, failed: 0, measured: 1, originalBytes: number,
        storedBytes: ~number)
    }
    var kept = OptimizationFigures(.kept, reason: "signed")
    (kept.originalBytes, kept.storedBytes, kept.rejectedSaving) = (number, ~number, number)
    sample.report.optimizations = [kept]
    let panels = Panels(
      sample: sample, subject: "stage", hints: CommandHints(stage: nil), hasControl: false)
    #expect(panels.fragments.count > 8)
    #expect(SampleMetrics(sample).text.hasSuffix("# EOF\n"))
    #expect(StatusJSON(sample, subject: "stage").json.object != nil)
    #expect(sample.report.text(now: 0).contains("10 more"))
    #expect(HTMLReport(report: sample.report, subject: "s", now: 0).page.contains("</html>"))
  }

  @Test("The state is what stops the run, else whether somebody works")
  func states() {
    var sample = Sample()
    #expect(sample.state == .idle)
    sample.report.status.pending = 5
    sample.health.inProgress = 2
    #expect(sample.state == .running)
    var steering = Steering()
    steering.pause = .init(until: nil, why: "")
    sample.hosts = [
      Limiter.HostStatus(
        host: "a:443", nextSlot: 0, pause: 0, lastStart: 1, refusals: 0, steering: steering)
    ]
    #expect(sample.state == .paused)
    sample.outages = [OutageReport(tool: "fetch", name: "the portal", since: 0, nextTry: 0)]
    #expect(sample.state == .outage)
    sample.report.status.pending = 0
    sample.report.status.completed = 5
    #expect(sample.state == .finished)
  }

  @Test("The end is a range from the quickest to the slowest pace of today")
  func end() throws {
    var sample = Sample()
    sample.report.status.pending = 1200
    #expect(sample.secondsLeft == nil)
    sample.health.completedLastMinutes = 10
    sample.report.completedLastDay = 2400
    // Of a day that the run has not taken, nothing follows.
    #expect(sample.secondsLeft == 36_000...36_000)
    sample.report.hours = [(1000, 5), (1030, 2395)]
    let range = try #require(sample.secondsLeft)
    #expect(range == 36_000...43_200)
  }

  @Test("Useful workers follow from latency and delay")
  func usefulWorkers() {
    // Mean 7.5 s / 6 = 1.25 s; a slot each 0.5 s: 3, and one more.
    #expect(Self.sample("portal:443").usefulWorkers == 4)
  }

  @Test("Orders are read strictly")
  func orders() throws {
    func order(_ form: [String: String]) throws -> Control.Order { try Control(form).order }
    #expect(
      try order(["action": "pause", "host": "A:443", "for": "2h", "why": "x\ny"])
        == .pause(host: "a:443", seconds: 7200, why: "x\u{FFFD}y"))
    #expect(
      try order(["action": "set", "host": "a:443", "delay": "1"]) == .set(host: "a:443", delay: 1))
    #expect(try order(["action": "retry", "class": "network"]) == .retryClass("network"))
    #expect(
      try order(["action": "skip", "id": "7", "why": "sealed"]) == .skip(id: 7, why: "sealed"))
    let wrong: [[String: String]] = [
      [:], ["action": "drop"], ["action": "pause"], ["action": "pause", "host": "a"],
      ["action": "pause", "host": "a b:443"], ["action": "pause", "host": "<b>:443"],
      ["action": "pause", "host": "a:443", "for": "soon"], ["action": "set", "host": "a:443"],
      ["action": "set", "host": "a:443", "delay": "-1"],
      ["action": "set", "host": "a:443", "delay": "2h"],
      ["action": "hours", "host": "a:443", "hours": "night"], ["action": "retry"],
      ["action": "retry", "class": "x' OR 1=1"], ["action": "skip", "id": "7"],
      ["action": "skip", "id": "7; DROP", "why": "x"],
    ]
    for form in wrong { #expect(throws: Fatal.self, "\(form)") { try order(form) } }
  }

  @Test("What is known of a document cannot become markup")
  func story() {
    let document = IndexedDocument([
      "id": "7", "book": Self.hostile, "page": "3", "download_status": "failed",
      "source": Self.hostile, "instrument_type_parsed": Self.hostile,
      "download_error": Self.hostile, "error_class": Self.hostile, "gcs_path": Self.hostile,
      "updated_at": Self.hostile,
    ])
    let html = DocumentStory(document, fetched: nil, object: nil, log: [Self.hostile]).html
    for evil in ["<script", "<img", "\u{202E}", "\u{1B}", "\u{0}", "\r"] {
      #expect(!html.contains(evil))
    }
  }

  @Test("A form asks before anything is done, whatever it was asked with")
  func forms() throws {
    let form = try #require(
      Control.form(["action": "pause", "host": Self.hostile, "evil": Self.hostile]))
    #expect(form.contains("method=\"post\"") && !form.contains("<script") && !form.contains("evil"))
    #expect(Control.form(["action": "drop"]) == nil)
  }
}

/// The metrics, held against the parser of Prometheus' own Python library.
@Suite("Metrics of the dashboard")
struct SampleMetricsTests {
  private func parsed(_ text: String) throws -> JSON {
    let python = try Python("metrics.py", [], in: "DashboardTests")
    python.write("\(text.utf8.count)\n\(text)")
    return try JSON(parsing: try python.line())
  }

  @Test(
    "They are OpenMetrics, whatever the labels are",
    arguments: ["portal:443", "a\"b\\c\nd{}=,#\u{202E}\u{0}é", ""])
  func format(_ text: String) throws {
    let found = try parsed(SampleMetrics(PanelsTests.sample(text)).text)
    #expect(found["error"] == nil, "\(found)")
    let samples = found["samples"]?.object
    func value(_ name: String) -> Double? { samples?[name]?.array?.last?.double }
    #expect(value("conveyor_documents_total{outcome=completed}") == 90)
    #expect(value("conveyor_index_documents{status=pending}") == 10)
    #expect(value("conveyor_leases{}") == 7)
    guard text == "portal:443" else { return }
    #expect(value("conveyor_requests_total{class=answered,host=portal:443}") == 5)
    #expect(value("conveyor_request_seconds_count{host=portal:443}") == 6)
    #expect(value("conveyor_request_seconds_bucket{host=portal:443,le=+Inf}") == 6)
    #expect(value("conveyor_request_seconds_sum{host=portal:443}") == 7.5)
    #expect(value("conveyor_useful_workers{}") == 4)
    #expect(value("conveyor_limiter_delay_seconds{host=portal:443}") == 0.5)
    #expect(value("conveyor_limiter_closed{host=portal:443}") == 1)
  }

  @Test("Where nothing was seen yet, too")
  func nothing() throws {
    let found = try parsed(SampleMetrics(Sample()).text)
    #expect(found["error"] == nil && found["samples"]?["conveyor_leases{}"] != nil, "\(found)")
  }

  @Test("Grafana's dashboard asks for nothing that is not there")
  func grafana() throws {
    let found = try parsed(SampleMetrics(PanelsTests.sample("portal:443")).text)
    let names = Set(
      (found["samples"]?.object?.members ?? []).map { String($0.name.prefix { $0 != "{" }) })
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = try #require(
      FileManager.default.contents(atPath: "/\(root)/deploy/grafana/conveyor.json"))
    let text = String(decoding: file, as: UTF8.self)
    _ = try JSON(parsing: text)
    let asked = Set(text.matches(of: /conveyor_[a-z_]+/).map { String($0.0) })
    #expect(asked.count > 10 && asked.isSubset(of: names), "\(asked.subtracting(names))")
  }
}
