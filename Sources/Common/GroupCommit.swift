import Dispatch
import Synchronization

/// Lets threads share transactions: each submits an item and returns when it is committed; those that
/// come while a commit runs make up the next one. A commit costs a sync of the disk, however many
/// items it has.
///
/// There is no thread of its own: whoever finds nobody at it commits for all that wait, and hands on.
public final class GroupCommit<Item: Sendable, Answer: Sendable>: Sendable {
  private final class Ticket: Sendable {
    let item: Item
    let result = Mutex<Result<Answer, Fatal>?>(nil)
    let wake = DispatchSemaphore(value: 0)

    init(_ item: Item) { self.item = item }
  }

  private struct State {
    var waiting: [Ticket] = []
    var isBusy = false
  }

  private let state = Mutex(State())
  private let commit: @Sendable ([Item]) throws -> [Answer]

  /// `commit` writes items in one transaction, and answers for each, in the same order. What it
  /// throws is the answer for all of them.
  public init(_ commit: @escaping @Sendable ([Item]) throws -> [Answer]) { self.commit = commit }

  /// Commits an item, together with those of other threads. Throws what `commit` threw.
  public func submit(_ item: Item) throws(Fatal) -> Answer {
    let ticket = Ticket(item)
    let isFirst = state.withLock { state in
      state.waiting.append(ticket)
      defer { state.isBusy = true }
      return !state.isBusy
    }
    if !isFirst { ticket.wake.wait() }
    // Woken without an answer means that it is this thread's turn to commit.
    if ticket.result.withLock({ $0 == nil }) { commitGroup() }
    guard let result = ticket.result.withLock({ $0 }) else {
      throw Fatal(.other, "a commit ended without an answer")
    }
    return try result.get()
  }

  private func commitGroup() {
    let group = state.withLock { state in
      defer { state.waiting = [] }
      return state.waiting
    }
    do {
      let answers = try commit(group.map(\.item))
      for (ticket, answer) in zip(group, answers) {
        ticket.result.withLock { $0 = .success(answer) }
      }
    } catch {
      let fatal = Fatal(describing: error)
      for ticket in group { ticket.result.withLock { $0 = .failure(fatal) } }
    }
    let next = state.withLock { state in
      state.isBusy = !state.waiting.isEmpty
      return state.waiting.first
    }
    next?.wake.signal()
    // The first of the group is this thread, or was woken already.
    for ticket in group.dropFirst() { ticket.wake.signal() }
  }
}
