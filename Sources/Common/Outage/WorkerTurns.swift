/// Who works, who holds a document that is undecided, and who waits for a line.
///
/// A worker that holds a document lets another one work in its place, so that there is something to
/// learn from: a tool starts ``OutagePolicy/threshold`` − 1 threads more than workers, and never do more
/// than `limit` of them work at once.
package final class WorkerTurns: Sendable {
  private struct State {
    /// Threads that have begun, and those that have ended.
    var joined = 0
    var left = 0
    var working = 0
    var holding = 0
    var lastChange = Time.monotonic()
  }

  private let state = Lock(State())
  private let expected: Int
  private let limit: @Sendable () -> Int
  /// Seconds after which a worker that waits for a line is not expected to bring news.
  private let quietAfter: Double

  /// Turns for `expected` threads, of which `limit` may work at once.
  package init(
    expected: Int = 0, quietAfter: Double = 2, limit: @escaping @Sendable () -> Int = { .max }
  ) {
    self.expected = expected
    self.quietAfter = quietAfter
    self.limit = limit
  }

  package func join() { change { $0.joined += 1 } }

  /// A thread has ended, and brings no more news.
  package func leave() { change { $0.left += 1 } }

  /// Whether thread `number`, from 1, may take its next line: one of the first `limit`, or in the place
  /// of one that holds a document.
  package func mayTakeLine(_ number: Int) -> Bool {
    let limit = limit()
    return state.withLock { number <= limit || number - $0.holding <= limit }
  }

  /// Waits until thread `number` may take its next line, or `isOver`, or `stop` is requested.
  package func waitToTakeLine(_ number: Int, _ isOver: () -> Bool, _ stop: ShutdownSignal) {
    // Those who are not wanted look again twenty times a second.
    while !mayTakeLine(number), !isOver() {
      guard stop.sleep(seconds: 0.05) else { return }
    }
  }

  /// Begins to work on a document, as soon as there is room. False when `stop` came first.
  package func begin(_ stop: ShutdownSignal) -> Bool { waitForRoom(stop) { $0.working += 1 } }

  /// Is done with the document.
  package func end() { change { $0.working -= 1 } }

  /// Lets another one work, while this thread waits with its document.
  package func pause() {
    change {
      $0.working -= 1
      $0.holding += 1
    }
  }

  /// Works again, as soon as there is room, or `stop` is requested.
  package func resume(_ stop: ShutdownSignal) {
    let wasGranted = waitForRoom(stop) {
      $0.working += 1
      $0.holding -= 1
    }
    guard !wasGranted else { return }
    change {
      $0.working += 1
      $0.holding -= 1
    }
  }

  /// Whether nobody works, and nobody who waits for a line is likely to get one.
  package func isQuiet(now: Int64) -> Bool {
    state.withLock { state in
      guard state.working <= 0 else { return false }
      let alive = max(expected, state.joined) - state.left
      return state.holding >= alive || Double(now - state.lastChange) / 1e9 > quietAfter
    }
  }

  private func change(_ body: (inout State) -> Void) {
    state.withLock { state in
      body(&state)
      state.lastChange = Time.monotonic()
    }
  }

  private func waitForRoom(_ stop: ShutdownSignal, _ take: (inout State) -> Void) -> Bool {
    while true {
      let limit = limit()
      let isTaken = state.withLock { state in
        guard state.working < limit else { return false }
        take(&state)
        state.lastChange = Time.monotonic()
        return true
      }
      if isTaken { return true }
      guard stop.sleep(seconds: 0.02) else { return false }
    }
  }
}
