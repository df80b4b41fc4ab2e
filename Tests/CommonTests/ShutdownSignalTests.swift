import Common
import Testing

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
