import Common
import Index

/// Writes outcomes to the index, those of all threads that wait at the same time in one transaction.
struct Settler: Sendable {
  private let group: GroupCommit<Settlement, SettlementResult>

  init(index: any DocumentIndex) { group = GroupCommit { try index.settle($0) } }

  /// Settles one document. When this returns, it is durable.
  func settle(_ settlement: Settlement) throws(Fatal) -> SettlementResult {
    try group.submit(settlement)
  }
}
