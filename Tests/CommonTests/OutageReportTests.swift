import Foundation
import Logging
import Support
import Testing

@testable import Common

/// What other programs read of an outage, and what they take for one.
@Suite struct OutageReportTests {
  private static let second: Int64 = 1_000_000_000
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private var place: String { folder.path + "/outages" }

  /// What `process` would have written.
  private func write(
    _ file: String, process: String?, validFor seconds: Int64 = 900, name: String = "the portal a"
  ) throws {
    let now = Time.wall()
    func time(_ seconds: Int64) -> JSON { .string(Time.timestamp(now + seconds * Self.second)) }
    let text = JSON.object([
      "tool": .string("fetch"), "process": .int(Int(getpid())),
      "identity": process.map(JSON.string),
      "outages": .array([
        .object([
          "name": .string(name), "since": time(-60), "next_try": time(40),
          "valid_until": time(seconds),
        ])
      ]),
    ]).description
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    try text.write(toFile: "\(place)/\(file)", atomically: true, encoding: .utf8)
  }

  @Test func whatAToolNotesIsRead() throws {
    let gate = OutageGate(
      OutagePolicy(threshold: 2, firstDistance: 40, limit: 600), stop: ShutdownSignal(),
      notice: OutageNotice(tool: "upload", folder: place),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let scope = OutageGate.Scope(key: "a", name: "the store s3://bucket (writing)")
    gate.succeeded(gate.observer(of: scope))
    #expect(OutageReport.current(in: place) == [])
    let before = Time.wall()
    for id in ["1", "2"] {
      _ = gate.refused(
        gate.observer(of: scope), id, Refusal("503", advice: "Wait."), hasSample: false)
    }
    let report = try #require(OutageReport.current(in: place).first)
    #expect(report.tool == "upload" && report.name == scope.name && report.reason == "503")
    #expect(report.advice == "Wait." && report.ends > report.nextTry)
    // Written to the millisecond.
    #expect((before - 1_000_000...Time.wall()).contains(report.since))
    #expect(report.nextTry - report.since >= 39 * Self.second)
    gate.succeeded(gate.observer(of: scope))
    #expect(OutageReport.current(in: place) == [])
  }

  @Test func whatAKilledToolLeftBehindIsNone() throws {
    let here = try #require(ProcessIdentity.this)
    let alive = here.description
    let another = ProcessIdentity(
      number: here.number, start: here.start + 1, namespaces: here.namespaces, boot: here.boot)
    // A number that no process has (proc_sys_kernel(5): pid_max is 2^22 at most).
    let gone = ProcessIdentity(
      number: 1 << 22 | 1, start: 1, namespaces: here.namespaces, boot: here.boot)
    try write("fetch-1.json", process: another.description)
    try write("fetch-2.json", process: gone.description)
    try write("fetch-3.json", process: alive, validFor: -1)
    try write("fetch-4.json.part", process: alive)
    try Data("{".utf8).write(to: URL(fileURLWithPath: "\(place)/fetch-5.json"))
    try Data("[1]".utf8).write(to: URL(fileURLWithPath: "\(place)/fetch-6.json"))
    #expect(OutageReport.current(in: place) == [])
    try write("fetch-7.json", process: alive)
    try write("fetch-8.json", process: nil, name: "the portal b")
    #expect(
      OutageReport.current(in: place).map(\.name).sorted() == ["the portal a", "the portal b"])
    #expect(OutageReport.current(in: place + "/none") == [])
  }

  @Test func itsWords() {
    let now: Int64 = 1_800_000_000 * Self.second
    var report = OutageReport(
      tool: "fetch", name: "the portal mid (http://h/, look-up)", reason: "status 403",
      since: now - 60 * Self.second, nextTry: now + 39 * Self.second + 1)
    let clock = report.short(now: now).split(separator: " ")
    #expect(report.short(now: now).hasPrefix("the portal mid does not answer since "))
    #expect(report.short(now: now).hasSuffix("; next try in 40 s"))
    #expect(clock.contains { $0.count == 6 && $0.hasSuffix(";") && $0.contains(":") })
    #expect(report.text(now: now).contains("mid (http://h/, look-up) does not answer since"))
    #expect(report.text(now: now).contains(" (status 403); next try in 40 s"))
    report = OutageReport(tool: "", name: "x", since: now - 200_000 * Self.second, nextTry: now)
    #expect(report.short(now: now).contains("since 20"), "another day is named")
    #expect(report.short(now: now).hasSuffix("; trying now"))
  }
}
