@testable import Limiter
import Testing

/// One second in the unit of the budget.
private let second: Int64 = 1_000_000_000

@Suite struct HostBudgetTests {
  @Test func slotsAreTheDelayApart() {
    var budget = HostBudget()
    #expect(budget.reserve(now: 10 * second, pace: RateLimit(delay: 1)) == 10 * second)
    #expect(budget.reserve(now: 10 * second, pace: RateLimit(delay: 1)) == 11 * second)
    #expect(budget.reserve(now: 10 * second, pace: RateLimit(delay: 1)) == 12 * second)
    // After a rest, nobody may make up for the time that went by.
    #expect(budget.reserve(now: 60 * second, pace: RateLimit(delay: 1)) == 60 * second)
  }

  @Test func aBurstFollowsARest() {
    var budget = HostBudget()
    let pace = RateLimit(delay: 1, burst: 3)
    let slots = (0..<5).map { _ in budget.reserve(now: 100 * second, pace: pace) }
    #expect(slots == [100, 100, 100, 101, 102].map { $0 * second })
    for _ in 0..<2 {
      let start = budget.start(now: 100 * second, pace: pace, lead: 0, ready: 0)
      #expect(start == .at(100 * second, latest: 100 * second))
    }
  }

  /// A window of 100 ms, as for every delay from 0.4 s.
  private let window = second / 10
  /// How long the note that a request was sent is waited for.
  private let announcementTimeout = second / 2

  @Test func anAnnouncedStartKeepsEverybodyElseAwayUntilItIsKnown() {
    var budget = HostBudget()
    let pace = RateLimit(delay: 1)
    let first = budget.start(now: 10 * second, pace: pace, lead: 0, ready: 10 * second)
    #expect(first == .at(10 * second, latest: 10 * second + announcementTimeout))
    // It may still be under way: to be asked again when that is over.
    let other = budget.start(now: 10 * second + 1, pace: pace, lead: 0, ready: 10 * second)
    #expect(other == .notBefore(10 * second + 1 + window))
    // It is late, and has not said so: whoever asks waits on.
    let later = 10 * second + 4 * announcementTimeout / 5
    let third = budget.start(now: later, pace: pace, lead: 0, ready: 10 * second)
    #expect(third == .notBefore(later + window))
    // It was sent 30 ms late: the next one comes a delay after that.
    let late = 10 * second + 3 * second / 100
    budget.sent(at: late, latest: 10 * second + announcementTimeout, pace: pace)
    #expect(budget.nextSlot == late + second)
    let next = budget.start(now: late + 1, pace: pace, lead: 5, ready: late + 1)
    #expect(next == .notBefore(late + second - 5))
    let start = budget.start(now: late + second - 5, pace: pace, lead: 5, ready: late + second - 5)
    #expect(start == .at(late + second, latest: late + second + announcementTimeout))
  }

  @Test func whoCouldNotKeepItsWindowStartsNowIfNobodyHasSince() {
    var budget = HostBudget()
    let pace = RateLimit(delay: 1)
    _ = budget.start(now: 10 * second, pace: pace, lead: 0, ready: 0)
    let missed = budget.lastStart
    let again = budget.start(now: 11 * second, pace: pace, lead: 0, ready: 0, missed: missed)
    #expect(again == .at(11 * second, latest: 11 * second + announcementTimeout))
    // Somebody else has: a whole delay after that one.
    let other = budget.start(now: 11 * second + 1, pace: pace, lead: 0, ready: 0, missed: missed)
    #expect(other == .notBefore(11 * second + 1 + window))
  }

  /// Where the transaction took longer than the window, a start "now" was late each time, and no request was
  /// ever sent.
  @Test func whoMissedItsWindowAnnouncesSoFarAheadThatItCannotAgain() {
    var budget = HostBudget()
    let pace = RateLimit(delay: 0.02)
    _ = budget.start(now: 10 * second, pace: pace, lead: 0, ready: 0)
    let missed = budget.lastStart
    let again = budget.start(
      now: 11 * second, pace: pace, lead: 0, takes: second, ready: 0, missed: missed)
    #expect(again == .at(13 * second, latest: 13 * second + announcementTimeout))
  }

  @Test func aRequestThatNeverCameCostsHalfASecond() {
    var budget = HostBudget()
    let pace = RateLimit(delay: 1)
    _ = budget.start(now: 10 * second, pace: pace, lead: 0, ready: 0)
    let next = budget.start(now: 11 * second + announcementTimeout, pace: pace, lead: 0, ready: 0)
    #expect(
      next == .at(11 * second + announcementTimeout, latest: 11 * second + 2 * announcementTimeout))
  }

  @Test func aLongLineGetsShorter() {
    var budget = HostBudget()
    let pace = RateLimit(delay: 1)
    _ = budget.reserve(now: 10 * second, pace: pace)
    let before = budget.nextSlot
    _ = budget.start(now: 10 * second, pace: pace, lead: 0, ready: 10 * second - second)
    #expect(budget.nextSlot == before)
    _ = budget.start(now: 20 * second, pace: pace, lead: 0, ready: 10 * second)
    #expect(budget.nextSlot == before + second / 16)
  }

  @Test func aPauseHoldsForThoseWithASlot() {
    var budget = HostBudget()
    let pace = RateLimit(delay: 1)
    _ = budget.reserve(now: 0, pace: pace)
    let slot = budget.reserve(now: 0, pace: pace)
    budget.refuse(now: 0, retryAfter: 30, base: 2)
    #expect(budget.start(now: slot, pace: pace, lead: 0, ready: 0) == .pausedMeanwhile)
    #expect(budget.reserve(now: slot, pace: pace) == 30 * second)
    let start = budget.start(now: 30 * second, pace: pace, lead: 7, ready: 30 * second)
    #expect(start == .at(30 * second, latest: 30 * second + announcementTimeout))
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
    var began: Int64 = 0
    for _ in 0..<refusals {
      began = budget.pausedUntil
      budget.refuse(now: began, retryAfter: nil, base: 2)
    }
    #expect(budget.pausedUntil - began == Int64(seconds * 1e9))
    #expect(budget.refusals == refusals)
    budget.succeed()
    #expect(budget.refusals == 0)
  }

  @Test("What was under way when the host refused is the same refusal", arguments: [1, 2, 16, 512])
  func underWay(requests: Int) {
    var budget = HostBudget()
    for number in 0..<Int64(requests) {
      budget.refuse(now: number * second / 20, retryAfter: nil, base: 2)
    }
    let last = Int64(requests - 1) * second / 20
    #expect(budget.pausedUntil == last + 2 * second)
    #expect(budget.refusals == 1)
    // A longer time that one of them was told holds, and what is refused after the pause is another one.
    budget.refuse(now: last, retryAfter: 30, base: 2)
    #expect(budget.pausedUntil == last + 30 * second)
    budget.refuse(now: last + 30 * second, retryAfter: nil, base: 2)
    #expect(budget.pausedUntil == last + 34 * second)
  }

  @Test(arguments: [
    (wallNow: Int64(100), until: Int64(400), left: Int64(300)), (400, 100, 0),
    // A wall clock that was set back must not hold us for longer than any pause may be.
    (0, 99_999, 3600),
  ])
  func aPauseOutlivesAReboot(wallNow: Int64, until: Int64, left: Int64) {
    let budget = HostBudget.afterReboot(
      now: 5 * second, wallNow: wallNow * second, wallPausedUntil: until * second, refusals: 3)
    #expect(budget.pausedUntil == (5 + left) * second)
    #expect(budget.nextSlot == 0 && budget.lastStart == 0 && budget.refusals == 3)
  }

  @Test(arguments: [Int64.min, -1, 0, 1, Int64.max - 1, Int64.max], [0, 0.02, 1e300, .infinity])
  func noNumberIsTooGreatForTheArithmetic(time: Int64, delay: Double) {
    for burst in [1, 1000, Int.max] {
      let pace = RateLimit(delay: delay, burst: burst)
      var budget = HostBudget()
      (budget.nextSlot, budget.lastStart, budget.pausedUntil) = (time, time, min(time, 5))
      _ = budget.reserve(now: second, pace: pace)
      _ = budget.start(now: second, pace: pace, lead: Int64.max, ready: 0)
      _ = budget.start(now: second, pace: pace, lead: 0, ready: 0, missed: time)
      budget.sent(at: second, latest: time, pace: pace)
      budget.refuse(now: second, retryAfter: 1e300, base: .infinity)
      budget.forgetFarFuture(now: second)
      #expect(budget.pausedUntil <= 3601 * second)
    }
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
    var lead = StartMargin()
    #expect(lead.nanoseconds == StartMargin.shortest)
    lead.observe(took: 30_000_000, transaction: 8_000_000)
    #expect(lead.nanoseconds == 60_000_000)
    lead.observe(took: 25_000_000, transaction: 2_000_000)
    #expect(lead.nanoseconds == 58_750_000)
    #expect(lead.transaction == 2_000_000)
    lead.observe(took: .max, transaction: .max)
    #expect(lead.nanoseconds == StartMargin.longest)
    for _ in 0..<1000 { lead.observe(took: 0, transaction: 0) }
    #expect(lead.nanoseconds < StartMargin.shortest + 10)
    #expect(lead.transaction < 10)
  }
}
