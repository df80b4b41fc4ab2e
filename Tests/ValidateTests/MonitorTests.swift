import Common
import Index
import Testing

@testable import Page
@testable import validate

@Suite struct MonitorTests {
  private func monitor(_ change: (inout Health) -> Void) -> Monitor {
    var health = Health()
    health.completedLastHour = 5
    change(&health)
    return Monitor(health)
  }

  @Test(
    arguments: [
      (1000, 0, .good), (950, 50, .good), (949, 51, .warning), (900, 100, .warning),
      (899, 101, .critical), (0, 1, .critical), (19, 1, .good), (0, 0, .good),
    ] as [(Int, Int, Monitor.Level)])
  func successRate(completed: Int, failed: Int, level: Monitor.Level) {
    let monitor = monitor {
      $0.recentCompleted = completed
      $0.recentFailed = failed
    }
    #expect(monitor.level == level)
    #expect(monitor.exitCode == (level == .good ? .success : .documentsFailed))
    #expect(monitor.text.contains("\(level.name)"))
    #expect(monitor.json["level"] == .string(level.name))
  }

  @Test func absentIsAnAnswer() {
    let monitor = monitor {
      $0.recentCompleted = 100
      $0.recentAbsent = 900
    }
    #expect(monitor.level == .good && monitor.exitCode == .success)
    #expect(monitor.text.contains("100.0% of the last 100; besides, the portal does not have 900"))
    #expect(monitor.json["recent_absent"]?.int == 900)
    #expect(self.monitor { $0.recentAbsent = 3 }.level == .good)
  }

  @Test func quarantinedDocumentsAreCounted() {
    let monitor = monitor { $0.quarantined = 1 }
    #expect(monitor.level == .warning)
    #expect(monitor.text.contains("1 document quarantined"))
  }

  @Test func anOutageIsTold() {
    var health = Health()
    health.completedLastHour = 5
    let outage = OutageReport(
      tool: "fetch", name: "the portal mid", reason: "status 403", advice: "Ask its owner.",
      since: 0, nextTry: 40_000_000_000)
    let monitor = Monitor(health, outages: [outage], now: 1)
    #expect(monitor.level == .warning && monitor.exitCode == .documentsFailed)
    #expect(monitor.text.contains("the portal mid does not answer since"))
    #expect(monitor.text.contains("next try in 40 s. Ask its owner."))
    #expect(Monitor(health).level == .good)
  }

  @Test func whatIsLeftBehindIsTold() {
    let monitor = monitor { $0.stale = 3 }
    #expect(monitor.level == .warning)
    #expect(monitor.text.contains("3 left behind"))
  }

  @Test func workThatNobodyFinishesIsTold() {
    func hangs(_ inProgress: Int, _ last: Double?) -> Bool {
      monitor {
        $0.completedLastHour = 0
        $0.inProgress = inProgress
        $0.secondsSinceCompletion = last
      }.level == .warning
    }
    #expect(hangs(4, 7200))
    #expect(!hangs(0, 7200), "nothing runs")
    #expect(!hangs(4, nil), "the first run, just begun")
  }

  @Test func errorsFromOutsideKeepToTheirLine() {
    let monitor = monitor {
      $0.errors = [.init(kind: "network", message: "a\nb\u{1B}[31m\u{202E}c", count: 2)]
    }
    #expect(monitor.text.hasSuffix("  network: a\u{FFFD}b\u{FFFD}[31m\u{FFFD}c\n"))
    #expect(monitor.json["errors_last_hour"]?.array?.count == 1)
  }

  @Test func inPlaceClearsWhatWasThere() {
    #expect(Watch.inPlace("a\nb\n") == "\u{1B}[Ha\u{1B}[K\nb\u{1B}[K\n\u{1B}[J")
  }
}
