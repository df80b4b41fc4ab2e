import Common
import Index
import Testing

@testable import CLI
@testable import Page
@testable import validate

@Suite struct RateTests {
  /// One document every `seconds`, looked at as often, until `end`.
  private func window(every seconds: Double, until end: Double) -> RateWindow {
    var window = RateWindow()
    for count in 0...Int(end / seconds) { window.add(count, at: Double(count) * seconds) }
    return window
  }

  @Test func aSteadyRateIsItself() {
    var window = window(every: 2, until: 300)
    #expect(window.rate(150, at: 300) == 1800)
  }

  @Test func tooEarlyToTell() {
    var window = window(every: 1, until: 4)
    #expect(window.rate(4, at: 4.9) == nil)
    #expect(window.rate(5, at: 5) == 3600)
  }

  @Test func whatIsOlderThanAMinuteIsForgotten() {
    var window = window(every: 1, until: 600)
    #expect(window.rate(600, at: 630) == 1800, "30 documents in the last minute")
    #expect(window.rate(600, at: 660) == 0)
  }

  @Test func plainLinesEveryHalfMinuteSeeTheLastMinuteOnly() {
    var window = RateWindow()
    for (count, time) in [(0, 0.0), (1000, 30), (1000, 60)] { window.add(count, at: time) }
    #expect(window.rate(1010, at: 90) == 600)
  }

  @Test func frequentLooksCostNothing() {
    var window = RateWindow()
    for tick in 0...1000 { window.add(tick, at: Double(tick) / 100) }
    #expect(window.rate(1000, at: 10) == 360_000)
  }

  private func report(completed: Int, seconds: Double, pending: Int) -> Report {
    var report = Report()
    report.completedLastSixHours = completed
    report.secondsOfLastSixHours = seconds
    report.status.pending = pending
    report.status.inProgress = 1
    return report
  }

  @Test func theEndFollowsFromTheLastSixHours() {
    let estimate = Estimate(report(completed: 101, seconds: 3600, pending: 199))
    #expect(estimate?.perHour == 100)
    #expect(estimate?.seconds == 7200)
    #expect(estimate?.end(1_763_923_835_000_000_000) == "2025-11-23 20:50Z")
  }

  @Test(arguments: [(0, 0.0), (1, 0), (1, 100), (2, 0)])
  func noRateNoEnd(completed: Int, seconds: Double) {
    #expect(Estimate(report(completed: completed, seconds: seconds, pending: 5)) == nil)
  }

  @Test func anEndDecadesAwayIsNoDate() {
    let estimate = Estimate(report(completed: 2, seconds: 21_600, pending: 1_000_000))
    #expect(estimate?.end(0) == nil)
  }
}
