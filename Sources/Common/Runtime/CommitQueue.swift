import Dispatch
import Glibc

/// Commits items in a thread of its own, those that come meanwhile with one transaction, while whoever brings them
/// goes on. (``GroupCommit`` is for those who need the answer before they can go on.)
package final class CommitQueue<Item: Sendable>: Sendable {
  /// What is to be done once an item is committed, or cannot be; by the thread that commits. It is told whether that
  /// thread does the same for another item right after it.
  package typealias Completion =
    @Sendable (_ outcome: Result<Void, Fatal>, _ moreFollow: Bool) ->
    Void

  private struct State {
    var items: [Item] = []
    var completions: [Completion] = []
    /// Whether the thread is to be woken: at the first item, or when there are enough of them.
    var isAsleepUntil: Int?
    var isStarted = false
    var isOver = false
  }

  /// What the thread holds on to.
  private final class Shared: Sendable {
    let state = Lock(State())
    let wake = DispatchSemaphore(value: 0)
    /// How many items may wait, counting those that are being committed.
    let room: DispatchSemaphore
    let enough: Int
    let commit: @Sendable ([Item]) throws -> Void

    init(limit: Int, _ commit: @escaping @Sendable ([Item]) throws -> Void) {
      room = DispatchSemaphore(value: limit)
      enough = max(1, limit / 2)
      self.commit = commit
    }
  }

  /// Seconds that the first item waits for others: a transaction costs as much as ten items, and no worker waits
  /// for it.
  private static var patience: Double { 0.002 }

  private let shared: Shared

  /// At most `limit` items wait. `commit` writes items in one transaction; what it throws counts for all of them.
  package init(limit: Int, _ commit: @escaping @Sendable ([Item]) throws -> Void) {
    shared = Shared(limit: max(1, limit), commit)
  }

  deinit {
    let isAsleep = shared.state.withLock { state in
      state.isOver = true
      defer { state.isAsleepUntil = nil }
      return state.isAsleepUntil != nil
    }
    if isAsleep { shared.wake.signal() }
  }

  /// Commits an item, and calls `completion` afterwards. Returns before that, but waits while too many items do.
  package func submit(_ item: Item, then completion: @escaping Completion) {
    shared.room.wait()
    let (wakes, starts) = shared.state.withLock { state in
      state.items.append(item)
      state.completions.append(completion)
      let starts = !state.isStarted
      state.isStarted = true
      let wakes = state.items.count >= state.isAsleepUntil ?? .max
      if wakes { state.isAsleepUntil = nil }
      return (wakes, starts)
    }
    if wakes { shared.wake.signal() }
    if starts, !startThread({ [shared] in Self.run(shared) }) {
      // Without a thread, this one does it; and the next one tries again.
      Self.commitWaiting(shared)
      shared.state.withLock { $0.isStarted = false }
    }
  }

  /// Commits an item, and returns when it is. Throws what the commit threw.
  package func submit(_ item: Item) throws(Fatal) {
    let outcome = Lock<Result<Void, Fatal>?>(nil)
    let done = DispatchSemaphore(value: 0)
    let box = Box(outcome)
    submit(item) { result, _ in
      box.value.withLock { $0 = result }
      done.signal()
    }
    done.wait()
    try box.value.withLock { $0 }?.get()
  }

  private final class Box: Sendable {
    let value: Lock<Result<Void, Fatal>?>
    init(_ value: consuming Lock<Result<Void, Fatal>?>) { self.value = value }
  }

  private static func run(_ shared: Shared) {
    while wait(for: 1, shared) {
      _ = wait(for: shared.enough, shared, seconds: patience)
      commitWaiting(shared)
    }
  }

  /// Waits until so many items are there. False where there are none, and no more will come.
  private static func wait(for count: Int, _ shared: Shared, seconds: Double? = nil) -> Bool {
    let there = shared.state.withLock { state -> Bool? in
      if state.items.count >= count { return true }
      if state.isOver { return !state.items.isEmpty }
      state.isAsleepUntil = count
      return nil
    }
    if let there { return there }
    if let seconds, shared.wake.wait(timeout: .now() + seconds) == .timedOut {
      let isBeingWoken = shared.state.withLock { state in
        defer { state.isAsleepUntil = nil }
        return state.isAsleepUntil == nil
      }
      if isBeingWoken { shared.wake.wait() }
    } else if seconds == nil {
      shared.wake.wait()
    }
    return shared.state.withLock { !$0.items.isEmpty }
  }

  private static func commitWaiting(_ shared: Shared) {
    let (items, completions) = shared.state.withLock { state in
      defer { (state.items, state.completions) = ([], []) }
      return (state.items, state.completions)
    }
    guard !items.isEmpty else { return }
    let outcome: Result<Void, Fatal>
    do {
      try shared.commit(items)
      outcome = .success(())
    } catch {
      outcome = .failure(Fatal(describing: error))
    }
    for (index, completion) in completions.enumerated() {
      completion(outcome, index + 1 < completions.count)
      shared.room.signal()
    }
  }
}
