import Dispatch
import Glibc

/// Lets threads share transactions: each submits an item and returns when it is committed; those that
/// come while a commit runs make up the next one. A commit costs a sync of the disk, however many
/// items it has.
///
/// There is no thread of its own: the first of a group commits for all of it, once the group before is
/// through.
package final class GroupCommit<Item: Sendable, Answer: Sendable>: Sendable {
  /// Those who wait for the same transaction.
  private final class Group: Sendable {
    private let outcome = Lock<Result<[Answer], Fatal>?>(nil)
    private let end = DispatchGroup()

    init() { end.enter() }

    func finish(_ result: Result<[Answer], Fatal>) {
      outcome.withLock { $0 = result }
      end.leave()
    }

    func answer(_ place: Int) throws(Fatal) -> Answer {
      // Often it takes no longer than falling asleep and being woken would.
      var spins = 20
      while spins > 0, outcome.withLock({ $0 == nil }) {
        sched_yield()
        spins -= 1
      }
      end.wait()
      let answers = try outcome.withLock { $0 }?.get() ?? []
      guard place < answers.count else {
        throw Fatal(.other, "a commit ended without an answer")
      }
      return answers[place]
    }
  }

  private struct State {
    /// The group that still takes items; `nil` while there is none.
    var group: Group?
    var items: [Item] = []
    /// Whether a group is being committed, or was told to begin.
    var isBusy = false
  }

  private let state = Lock(State())
  /// Tells the first of the next group that it may begin.
  private let turn = DispatchSemaphore(value: 0)
  private let commit: @Sendable ([Item]) throws -> [Answer]

  /// `commit` writes items in one transaction, and answers for each, in the same order. What it
  /// throws is the answer for all of them.
  package init(_ commit: @escaping @Sendable ([Item]) throws -> [Answer]) { self.commit = commit }

  /// Commits an item, together with those of other threads. Throws what `commit` threw.
  package func submit(_ item: Item) throws(Fatal) -> Answer {
    let (group, place, mustWait) = state.withLock { state in
      let group = state.group ?? Group()
      state.group = group
      state.items.append(item)
      defer { state.isBusy = true }
      return (group, state.items.count - 1, state.isBusy)
    }
    if place == 0 {
      if mustWait { turn.wait() }
      // Threads that could run come to their own commit first, and join this one.
      sched_yield()
      commitGroup()
    }
    return try group.answer(place)
  }

  private func commitGroup() {
    let (group, items) = state.withLock { state in
      defer { (state.group, state.items) = (nil, []) }
      return (state.group, state.items)
    }
    do {
      group?.finish(.success(try commit(items)))
    } catch {
      group?.finish(.failure(Fatal(describing: error)))
    }
    let hasNext = state.withLock { state in
      state.isBusy = state.group != nil
      return state.isBusy
    }
    if hasNext { turn.signal() }
  }
}
