import Common
import Synchronization
import Testing

@Suite("Threads that work together")
struct ThreadsTests {
  @Test("a lock lets one thread at a time touch its value")
  func lockKeepsCount() {
    let count = Lock(0)
    withThreads(8) { _ in
      for _ in 0..<10_000 { count.withLock { $0 += 1 } }
    }
    #expect(count.withLock { $0 } == 80_000)
  }

  @Test("a lock lets go of its value, and of itself when its body throws")
  func lockLetsGo() {
    final class Guest: Sendable {}
    weak var left: Guest?
    do {
      let guest = Guest()
      left = guest
      let lock = Lock<Guest?>(guest)
      #expect(throws: Fatal.self) { try lock.withLock { _ in throw Fatal(.other, "no") } }
      #expect(lock.withLock { $0 != nil })
    }
    #expect(left == nil)
  }

  @Test("a companion has ended when what it accompanies has, also with an error")
  func companionEnds() {
    let stop = ShutdownSignal()
    let hasEnded = Atomic<Bool>(false)
    let companion = { @Sendable in
      while stop.sleep(seconds: 60) {}
      hasEnded.store(true, ordering: .releasing)
    }
    #expect(throws: Fatal(.other, "the work failed")) {
      try withCompanion(companion) {
        defer { stop.request(.downstreamClosed) }
        throw Fatal(.other, "the work failed")
      }
    }
    let ended = hasEnded.load(ordering: .acquiring)
    #expect(ended)
  }
}
