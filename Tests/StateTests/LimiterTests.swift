import Common
import Glibc
import State
import Support
import Synchronization
import Testing

/// What holds for budgets wherever they are kept.
@Suite struct LimiterTests {
  /// When threads, each with a limiter of its own, may start.
  private func starts(
    _ place: LimiterPlace, threads: Int, each: Int, delay: Double
  ) throws -> [Int64] {
    let times = Mutex<[Int64]>([])
    let failures = Mutex<[String]>([])
    withThreads(threads) { _ in
      do {
        let limiter = try place.open()
        let stop = Stop()
        for _ in 0..<each {
          let pace = Pace(delay: delay)
          _ = try limiter.waitForSlot(host: "portal:80", pace: pace, stop: stop)
          #expect(
            try limiter.start(host: "portal:80", pace: pace, stop: stop) == .granted(refusals: 0))
          times.withLock { $0.append(Time.monotonic()) }
        }
      } catch { failures.withLock { $0.append("\(error)") } }
    }
    #expect(failures.withLock { $0 } == [])
    return times.withLock { $0.sorted() }
  }

  @Test(arguments: LimiterPlace.kinds)
  func startsAreTheDelayApartWhoeverAsks(kind: LimiterPlace.Kind) throws {
    let times = try starts(LimiterPlace(kind), threads: 8, each: 5, delay: 0.02)
    #expect(times.count == 40)
    let span = Double(times[39] - times[0]) / 1e9
    // 39 gaps; what a busy machine adds to one start it may take off the next gap, never off the sum.
    #expect(span >= 39 * 0.02 - 0.005)
  }

  @Test(arguments: LimiterPlace.kinds)
  func hostsHaveBudgetsOfTheirOwn(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    let stop = Stop()
    #expect(try limiter.refuse(host: "slow:80", retryAfter: 3000, base: 1) > 2999)
    let pace = Pace(delay: 0)
    #expect(try limiter.waitForSlot(host: "quick:80", pace: pace, stop: stop))
    #expect(try limiter.start(host: "slow:80", pace: pace, stop: stop) == .paused)
    #expect(try limiter.start(host: "slow:80", pace: Pace(delay: 1), stop: stop) == .paused)
    stop.request(.interrupted)
    #expect(try !limiter.waitForSlot(host: "slow:80", pace: pace, stop: stop))
  }

  @Test(arguments: LimiterPlace.kinds)
  func othersHeedARefusal(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    let (one, other) = (try place.open(), try place.open())
    _ = try one.refuse(host: "h:80", retryAfter: 100, base: 1)
    #expect(try other.start(host: "h:80", pace: Pace(delay: 1), stop: Stop()) == .paused)
    let status = try #require(try other.status().first)
    #expect(status.host == "h:80")
    #expect(status.pause > 90 && status.pause <= 100)
    #expect(status.refusals == 1)
    #expect(status.lastStart == nil)
  }

  @Test(arguments: LimiterPlace.kinds)
  func aBurstIsGrantedAtOnce(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    let pace = Pace(delay: 3600, burst: 3)
    for _ in 0..<3 {
      #expect(try limiter.waitForSlot(host: "h:80", pace: pace, stop: Stop()))
      #expect(
        try limiter.start(host: "h:80", pace: pace, stop: Stop()) == .granted(refusals: 0))
    }
    let status = try #require(try limiter.status().first)
    #expect(status.nextSlot > 3000)
  }

  @Test(arguments: LimiterPlace.kinds)
  func aRefusalIsToldUntilTheHostAnswersWell(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    let stop = Stop()
    _ = try limiter.refuse(host: "h:80", retryAfter: 0, base: 1)
    let pace = Pace(delay: 0)
    #expect(try limiter.start(host: "h:80", pace: pace, stop: stop) == .granted(refusals: 1))
    try limiter.succeed(host: "h:80")
    #expect(try limiter.start(host: "h:80", pace: pace, stop: stop) == .granted(refusals: 0))
  }

  @Test(arguments: LimiterPlace.kinds)
  func severalMayCreateItAtOnce(kind: LimiterPlace.Kind) throws {
    for _ in 1...(kind == .file ? 20 : 3) {
      let place = try LimiterPlace(kind)
      let failures = Mutex<[String]>([])
      withThreads(8) { _ in
        do { _ = try place.open() } catch { failures.withLock { $0.append("\(error)") } }
      }
      #expect(failures.withLock { $0 } == [])
    }
  }

  @Test func aFileThatCannotBeReadEndsTheRun() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/limiter.sqlite"
    try directory.write(
      "no database at all " + String(repeating: "x", count: 200), to: "limiter.sqlite")
    let error = #expect(throws: Fatal.self) { try Limiter(at: path) }
    #expect(error?.code == .inputOutput)
    #expect(error?.message.contains(path) == true)
  }

  @Test func aDirectoryThatIsNotThereEndsTheRun() throws {
    let error = #expect(throws: Fatal.self) { try Limiter(at: "/nonexistent/limiter.sqlite") }
    #expect(error?.code == .inputOutput)
  }

  @Test(arguments: [
    ("postgres://a:secret@127.0.0.1:1/none", ExitCode.unavailable),
    ("postgres://a:secret@[", ExitCode.configuration),
  ])
  func aDatabaseThatCannotBeReachedEndsTheRun(url: String, code: ExitCode) throws {
    let error = #expect(throws: Fatal.self) { try Limiter(at: url) }
    #expect(error?.code == code)
    #expect(error?.message.contains("limiter") == true)
    #expect(error?.message.contains("secret") == false)
  }
}
