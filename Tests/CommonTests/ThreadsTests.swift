import Common
import Dispatch
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

@Suite("Commits that no worker waits for")
struct CommitQueueTests {
  @Test("items are committed in order, several at a time, and each is reported once")
  func everyItemOnce() {
    let committed = Lock<[[Int]]>([])
    let reported = Lock<[Int]>([])
    let queue = CommitQueue<Int>(limit: 8) { items in committed.withLock { $0.append(items) } }
    for number in 0..<500 {
      queue.submit(number) { outcome, _ in
        if case .success = outcome { reported.withLock { $0.append(number) } }
      }
    }
    #expect(throws: Never.self) { try queue.submit(500) }
    #expect(committed.withLock { $0.flatMap { $0 } } == Array(0...500))
    #expect(committed.withLock { $0.allSatisfy { $0.count <= 8 } })
    #expect(committed.withLock { $0.count } < 500)
    #expect(reported.withLock { $0 } == Array(0..<500))
  }

  @Test("whoever comes when as many wait as may has to wait, too")
  func limit() throws {
    let (mayCommit, begun) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let areSubmitted = DispatchSemaphore(value: 0)
    let submitted = Atomic<Int>(0)
    let queue = CommitQueue<Int>(limit: 3) { _ in
      begun.signal()
      mayCommit.wait()
    }
    let isStarted = startThread {
      for number in 1...4 {
        queue.submit(number) { _, _ in }
        submitted.add(1, ordering: .sequentiallyConsistent)
      }
      areSubmitted.signal()
    }
    try #require(isStarted)
    // The first transaction has begun, and has no room for the fourth: that comes in only after it.
    begun.wait()
    #expect(submitted.load(ordering: .sequentiallyConsistent) <= 3)
    // More than there can be transactions.
    for _ in 0..<10 { mayCommit.signal() }
    areSubmitted.wait()
    #expect(throws: Never.self) { try queue.submit(5) }
  }

  @Test("what a commit throws is said to all who wait for it, and the next one is tried")
  func failure() {
    let isBroken = Atomic<Bool>(true)
    let queue = CommitQueue<Int>(limit: 4) { _ in
      if isBroken.load(ordering: .acquiring) { throw Fatal(.inputOutput, "the disk is full") }
    }
    withThreads(4) { number in
      #expect(throws: Fatal(.inputOutput, "the disk is full")) { try queue.submit(number) }
    }
    isBroken.store(false, ordering: .releasing)
    #expect(throws: Never.self) { try queue.submit(5) }
  }
}
