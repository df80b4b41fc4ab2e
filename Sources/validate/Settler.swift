import Common
import Index
import Synchronization

/// Writes outcomes to the index, those of all threads that wait at the same time in one transaction:
/// a transaction costs a sync of the disk, however many rows it has.
final class Settler: Sendable {
  /// A settlement on its way, and what became of it.
  private final class Ticket: Sendable {
    let settlement: Settlement
    let result = Mutex<Result<Bool, Fatal>?>(nil)

    init(_ settlement: Settlement) { self.settlement = settlement }
  }

  private let index: any DocumentIndex
  private let waiting = Mutex<[Ticket]>([])
  /// One transaction at a time. Whoever waits here for the transaction of another thread wants
  /// nothing else than its end, which is what makes the next group.
  private let turn = Mutex<Void>(())

  init(index: any DocumentIndex) { self.index = index }

  /// Settles one document. False where its lease was lost. When this returns, it is durable.
  func settle(_ settlement: Settlement) throws(Fatal) -> Bool {
    let ticket = Ticket(settlement)
    waiting.withLock { $0.append(ticket) }
    turn.withLock { _ in
      let isSettled = ticket.result.withLock { $0 != nil }
      if !isSettled { settleAll() }
    }
    let result = ticket.result.withLock { $0 }
    guard let result else { throw Fatal(.other, "an outcome was not written") }
    return try result.get()
  }

  private func settleAll() {
    let group = waiting.withLock { waiting in
      defer { waiting.removeAll() }
      return waiting
    }
    do {
      let held = try index.settle(group.map(\.settlement))
      for (ticket, held) in zip(group, held) { ticket.result.withLock { $0 = .success(held) } }
    } catch {
      let fatal = Fatal(describing: error)
      for ticket in group { ticket.result.withLock { $0 = .failure(fatal) } }
    }
  }
}
