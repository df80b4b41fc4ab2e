import Testing

@testable import Common

@Suite("Waiting ends when a stop is requested")
struct StopTests {
  @Test func aSleepLastsAsLongAsItShould() {
    let stop = ShutdownSignal()
    for nanoseconds in [0, 300_000, 2_500_000, 12_000_000] as [Int64] {
      let deadline = Time.monotonic() + nanoseconds
      #expect(stop.sleep(until: deadline))
      #expect(Time.monotonic() >= deadline)
    }
    #expect(stop.sleep(seconds: -1))
    #expect(stop.age == 0)
  }

  @Test(.timeLimit(.minutes(5)))
  func aRequestWakesAllThatSleep() {
    let stop = ShutdownSignal()
    withThreads(8) { number in
      if number == 8 {
        stop.request(.interrupted)
      } else {
        #expect(!stop.sleep(seconds: 3600))
      }
    }
    #expect(!stop.sleep(seconds: 3600))
    #expect(stop.isRequested)
    #expect(stop.age > 0)
  }

  @Test func theFirstReasonStays() {
    let stop = ShutdownSignal()
    #expect(stop.reason == nil)
    stop.request(.failed(Fatal(.inputOutput, "first")))
    stop.request(.downstreamClosed)
    stop.request(.interrupted)
    #expect(stop.reason == .failed(Fatal(.inputOutput, "first")))
  }

  @Test func anInterruptionSaysMoreThanTheClosedPipeThatItCaused() {
    let stop = ShutdownSignal()
    stop.request(.downstreamClosed)
    stop.request(.interrupted)
    #expect(stop.reason == .interrupted)
    stop.request(.downstreamClosed)
    #expect(stop.reason == .interrupted)
  }

  @Test func aFailureIsNotPassedOverForAClosedPipe() {
    let stop = ShutdownSignal()
    stop.request(.downstreamClosed)
    stop.request(.failed(Fatal(.unavailable, "the database is gone")))
    #expect(stop.reason == .failed(Fatal(.unavailable, "the database is gone")))
  }
}

@Suite struct RepeatedStopTests {
  /// Signals with their senders, and times in seconds; which of them ends the process at once.
  @Test(
    arguments: [
      // A terminal, by the kernel; and the driver, which passes on what it gets.
      ([(0, 0.0), (0, 0.001)], 1),
      ([(77, 0), (77, 0.3)], 1),
      // A job's manager signals the tools and the driver, and the driver the tools.
      ([(1, 0), (77, 0.001), (77, 1.9)], nil),
      ([(77, 0), (1, 0.001)], nil),
      ([(1, 0), (77, 0.001), (1, 5)], 2),
      ([(1, 0), (77, 0.001), (77, 30)], 2),
      // Two commands, one after the other.
      ([(500, 0), (501, 2.1)], 1),
    ] as [([(Int32, Double)], Int?)])
  func `the same stop that comes twice is one`(signals: [(Int32, Double)], second: Int?) {
    var stops = RepeatedStop()
    let found = signals.firstIndex {
      stops.isSecond(from: $0.0, now: 1_000_000_000_000 + Int64($0.1 * 1e9))
    }
    #expect(found == second)
  }
}
