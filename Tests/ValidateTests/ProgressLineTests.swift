import Common
import Testing

@testable import validate

@Suite struct ProgressLineTests {
  /// A run that has something of everything, at a time that is given.
  private static var state: ProgressLine.State {
    var state = ProgressLine.State(total: 2000, elapsed: 3600)
    state.figures.completed = 450
    state.figures.failed = 50
    state.figures.waiting = 7
    state.figures.mismatches = 31
    state.figures.originalBytes = 3 << 20
    state.figures.storedBytes = 1 << 20
    state.recentRate = 900
    state.recentDoneRate = 1000
    return state
  }

  private func barless(_ state: ProgressLine.State) -> String {
    ProgressLine.render(state, width: nil)
  }

  @Test func saysAllThatIsKnown() {
    #expect(
      barless(Self.state)
        == "500/2,000 25.0% · 900/h · run 450/h · 1h30m left · 90.0% ok · 7 waiting · "
        + "31 mismatches · 2.00 MiB saved")
  }

  @Test(arguments: [79, 99, 119, 200]) func anOutageIsOnTheLine(width: Int) {
    var state = Self.state
    state.now = 1_800_000_000_000_000_000
    state.outages = [
      OutageReport(
        tool: "fetch", name: "the portal mid (http://127.0.0.1:8000, look-up)",
        reason: "status 403", since: state.now - 1, nextTry: state.now + 40_000_000_000)
    ]
    let line = ProgressLine.render(state, width: width)
    #expect(line.count <= width)
    #expect(line.contains("500/2,000") && line.contains("the portal mid does not answer since "))
    #expect(line.contains("next try in 40 s"))
    #expect(barless(state).contains("(status 403); next try in 40 s"))
    state.outages += state.outages
    #expect(barless(state).contains("1 other outage"))
  }

  @Test func theBarFillsWithTheShare() {
    let line = ProgressLine.render(Self.state, width: 160)
    let bar = line.prefix { $0 != "]" }.dropFirst()
    #expect(line.hasPrefix("[") && bar.count == 40)
    #expect(bar.filter { $0 == "=" }.count == 10)
    #expect(line.hasSuffix(barless(Self.state)))
  }

  @Test(arguments: [1, 5, 20, 30, 40, 60, 79, 100, 200])
  func neverWiderThanTheTerminal(width: Int) {
    let line = ProgressLine.render(Self.state, width: width)
    #expect(line.count <= width)
    if width >= 40 { #expect(line.contains("500/2,000 25.0%")) }
  }

  @Test func withoutATotalThereIsNoBarAndNoEnd() {
    var state = Self.state
    state.total = nil
    let line = ProgressLine.render(state, width: 160)
    #expect(line.hasPrefix("500 done · 900/h"))
    #expect(!line.contains("left") && !line.contains("["))
  }

  @Test func inTheFirstSecondsOnlyTheRunsRateIsKnown() {
    var state = Self.state
    (state.recentRate, state.recentDoneRate) = (nil, nil)
    let line = barless(state)
    #expect(line.contains("· 450/h ·") && !line.contains("run "))
    #expect(line.contains("3h00m left"), "1,500 at 500 an hour: \(line)")
  }

  @Test func aStallFallsBackOnTheRun() {
    var state = Self.state
    (state.recentRate, state.recentDoneRate) = (0, 0)
    #expect(abs((state.secondsLeft ?? 0) - 3 * 3600) < 0.001)
    #expect(barless(state).contains("· 0/h · run 450/h"))
  }

  @Test func onlyFailuresHaveAnEndToo() {
    var state = ProgressLine.State(total: 200, elapsed: 100)
    state.figures.failed = 100
    #expect(state.secondsLeft == 100)
    #expect(barless(state) == "100/200 50.0% · 0/h · 1m40s left · 0.0% ok")
  }

  @Test func nothingYet() {
    #expect(barless(.init(total: 10)) == "0/10 0.0% · 0/h")
    #expect(barless(.init(total: 0)) == "0/0 – · 0/h")
    #expect(barless(.init()) == "0 done · 0/h")
  }

  @Test func moreThanExpectedIsFull() {
    var state = ProgressLine.State(total: 5, elapsed: 10)
    state.figures.completed = 8
    #expect(state.secondsLeft == 0)
    #expect(ProgressLine.render(state, width: 60).contains("=]"))
  }
}
