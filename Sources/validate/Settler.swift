import Common
import Index

/// Writes outcomes to the index, those of all threads that wait at the same time in one transaction.
struct Settler: Sendable {
  private let group: GroupCommit<Settlement, Bool>

  init(index: any DocumentIndex) { group = GroupCommit { try index.settle($0) } }

  /// Settles one document. False where its lease was lost. When this returns, it is durable.
  func settle(_ settlement: Settlement) throws(Fatal) -> Bool { try group.submit(settlement) }
}
