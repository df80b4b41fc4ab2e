import Testing

@testable import State

/// One second in the unit of the budget.
private let second: Int64 = 1_000_000_000

@Suite struct HostBudgetTests {
  @Test func slotsAreTheDelayApart() {
    var budget = HostBudget()
    #expect(budget.reserve(now: 10 * second, pace: Pace(delay: 1)) == 10 * second)
    #expect(budget.reserve(now: 10 * second, pace: Pace(delay: 1)) == 11 * second)
    #expect(budget.reserve(now: 10 * second, pace: Pace(delay: 1)) == 12 * second)
    // After a rest, nobody may make up for the time that went by.
    #expect(budget.reserve(now: 60 * second, pace: Pace(delay: 1)) == 60 * second)
  }

  @Test func aBurstFollowsARest() {
    var budget = HostBudget()
    let pace = Pace(delay: 1, burst: 3)
    let slots = (0..<5).map { _ in budget.reserve(now: 100 * second, pace: pace) }
    #expect(slots == [100, 100, 100, 101, 102].map { $0 * second })
    #expect(budget.start(now: 100 * second, pace: pace, lead: 0) == .at(100 * second))
    #expect(budget.start(now: 100 * second, pace: pace, lead: 0) == .at(100 * second))
  }

  @Test func aLateStartMovesTheNextOne() {
    var budget = HostBudget()
    let first = budget.reserve(now: 10 * second, pace: Pace(delay: 1))
    let next = budget.reserve(now: 10 * second, pace: Pace(delay: 1))
    #expect(first == 10 * second && next == 11 * second)
    // The first thread wakes up 0.9 s late; the second one is on time, and has to wait.
    let late = 109 * second / 10
    #expect(budget.start(now: late, pace: Pace(delay: 1), lead: 5) == .at(late + 5))
    let start = budget.start(now: 11 * second, pace: Pace(delay: 1), lead: 5)
    #expect(start == .at(late + 5 + second))
  }

  @Test func aPauseHoldsForThoseWithASlot() {
    var budget = HostBudget()
    _ = budget.reserve(now: 0, pace: Pace(delay: 1))
    let slot = budget.reserve(now: 0, pace: Pace(delay: 1))
    budget.refuse(now: 0, retryAfter: 30, base: 2)
    #expect(budget.start(now: slot, pace: Pace(delay: 1), lead: 0) == .pausedMeanwhile)
    #expect(budget.reserve(now: slot, pace: Pace(delay: 1)) == 30 * second)
    let start = budget.start(now: 30 * second, pace: Pace(delay: 1), lead: 7)
    #expect(start == .at(30 * second + 7))
  }

  @Test(arguments: [
    (retryAfter: 0.0, refusals: 1, pause: 0.0), (5, 1, 5), (1e9, 1, 3600), (-7, 3, 0),
  ])
  func retryAfterIsClamped(retryAfter: Double, refusals: Int, pause: Double) {
    var budget = HostBudget()
    for _ in 0..<refusals { budget.refuse(now: second, retryAfter: retryAfter, base: 2) }
    #expect(budget.pausedUntil == max(second + Int64(pause * 1e9), 0))
  }

  @Test(arguments: [(1, 2.0), (2, 4), (3, 8), (7, 128), (8, 256), (9, 300), (1000, 300)])
  func pausesGrowWithRefusalsInARow(refusals: Int, seconds: Double) {
    var budget = HostBudget()
    for _ in 0..<refusals { budget.refuse(now: 0, retryAfter: nil, base: 2) }
    #expect(budget.pausedUntil == Int64(seconds * 1e9))
    budget.succeed()
    #expect(budget.refusals == 0)
  }

  @Test func aPauseOutlivesAReboot() {
    var budget = HostBudget()
    budget.refuse(now: 1000 * second, retryAfter: 600, base: 2)
    budget.afterReboot(now: 5 * second, wallNow: 100 * second, wallPausedUntil: 400 * second)
    #expect(budget.pausedUntil == 305 * second)
    #expect(budget.nextSlot == 0)
    // A wall clock that was set back must not hold us for longer than any pause may be.
    budget.afterReboot(now: 5 * second, wallNow: 0, wallPausedUntil: 99_999 * second)
    #expect(budget.pausedUntil == 3605 * second)
  }

  @Test func timesThatAClockSetBackLeftBehindHoldNobodyForLong() {
    var budget = HostBudget()
    budget.nextSlot = 99_999 * second
    budget.lastStart = 99_998 * second
    budget.forgetFarFuture(now: 10 * second)
    #expect(budget.nextSlot == 3610 * second)
    #expect(budget.lastStart == 3610 * second)
    #expect(budget.pausedUntil == 0)
  }

  @Test func theLeadGrowsWithTheWayAndComesBackSlowly() {
    var lead = Lead()
    #expect(lead.nanoseconds == Lead.shortest)
    lead.observe(left: -1)
    #expect(lead.nanoseconds == 2 * Lead.shortest)
    lead.observe(left: Lead.shortest / 2)
    #expect(lead.nanoseconds == 2 * Lead.shortest)
    for _ in 0..<20 { lead.observe(left: -1) }
    #expect(lead.nanoseconds == Lead.longest)
    for _ in 0..<1000 { lead.observe(left: lead.nanoseconds) }
    #expect(lead.nanoseconds == Lead.shortest)
  }
}
