import Common
import Glibc
import State
import Synchronization
import Support
import Testing

@Suite struct LimiterTests {
  /// The gaps between starts of threads that use connections of their own to the same file.
  private func starts(threads: Int, each: Int, delay: Double) throws -> [Int64] {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/limiter.sqlite"
    _ = try Limiter(path: path)
    let times = Mutex<[Int64]>([])
    let failures = Mutex<[String]>([])
    withThreads(threads) { _ in
      do {
        let limiter = try Limiter(path: path)
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

  @Test func startsAreTheDelayApartWhoeverAsks() throws {
    let times = try starts(threads: 8, each: 5, delay: 0.02)
    #expect(times.count == 40)
    let span = Double(times[39] - times[0]) / 1e9
    // 39 gaps; what a busy machine adds to one start it may take off the next gap, never off the sum.
    #expect(span >= 39 * 0.02 - 0.005)
  }

  @Test func hostsHaveBudgetsOfTheirOwn() throws {
    let directory = try TemporaryDirectory()
    let limiter = try Limiter(path: directory.path + "/limiter.sqlite")
    let stop = Stop()
    #expect(try limiter.refuse(host: "slow:80", retryAfter: 3000, base: 1) > 2999)
    let pace = Pace(delay: 0)
    #expect(try limiter.waitForSlot(host: "quick:80", pace: pace, stop: stop))
    #expect(try limiter.start(host: "slow:80", pace: pace, stop: stop) == .paused)
    #expect(try limiter.start(host: "slow:80", pace: Pace(delay: 1), stop: stop) == .paused)
    stop.request(.interrupted)
    #expect(try !limiter.waitForSlot(host: "slow:80", pace: pace, stop: stop))
  }

  @Test func aRefusalIsToldUntilTheHostAnswersWell() throws {
    let directory = try TemporaryDirectory()
    let limiter = try Limiter(path: directory.path + "/limiter.sqlite")
    let stop = Stop()
    _ = try limiter.refuse(host: "h:80", retryAfter: 0, base: 1)
    let pace = Pace(delay: 0)
    #expect(try limiter.start(host: "h:80", pace: pace, stop: stop) == .granted(refusals: 1))
    try limiter.succeed(host: "h:80")
    #expect(try limiter.start(host: "h:80", pace: pace, stop: stop) == .granted(refusals: 0))
  }

  @Test(arguments: ["no database at all " + String(repeating: "x", count: 200)])
  func aLimiterThatCannotBeReadEndsTheRun(content: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/limiter.sqlite"
    try directory.write(content, to: "limiter.sqlite")
    let error = #expect(throws: Fatal.self) { try Limiter(path: path) }
    #expect(error?.code == .inputOutput)
    #expect(error?.message.contains(path) == true)
  }

  @Test func severalMayCreateItAtOnce() throws {
    for _ in 1...20 {
      let directory = try TemporaryDirectory()
      let failures = Mutex<[String]>([])
      withThreads(8) { _ in
        do {
          _ = try Limiter(path: directory.path + "/limiter.sqlite")
        } catch { failures.withLock { $0.append("\(error)") } }
      }
      #expect(failures.withLock { $0 } == [])
    }
  }

  @Test func aDirectoryThatIsNotThereEndsTheRun() throws {
    let error = #expect(throws: Fatal.self) { try Limiter(path: "/nonexistent/limiter.sqlite") }
    #expect(error?.code == .inputOutput)
  }
}
