import Common
import Synchronization

/// Hashes of ids: of those that have a row, so that a document that was never tried, the most frequent
/// case, costs no query. 8 bytes each, and some room.
package final class KnownIDs: Sendable {
  private let hashes: Lock<Set<Int>>
  private let isComplete: Atomic<Bool>

  /// None, to begin with.
  package init(isComplete: Bool = false) {
    hashes = Lock([])
    self.isComplete = Atomic(isComplete)
  }

  /// From now on all are here.
  func complete() { isComplete.store(true, ordering: .releasing) }

  /// Whether an id may be one of them; false is certain.
  package func mayContain(_ id: String) -> Bool {
    guard isComplete.load(ordering: .acquiring) else { return true }
    let hash = id.hashValue
    return hashes.withLock { $0.contains(hash) }
  }

  /// The same for several, with one lock.
  func mayContain(_ ids: [String]) -> [Bool] {
    guard isComplete.load(ordering: .acquiring) else { return ids.map { _ in true } }
    let asked = ids.map(\.hashValue)
    return hashes.withLock { hashes in asked.map { hashes.contains($0) } }
  }

  /// Adds ids, all with one lock: many threads ask at the same time.
  package func insert(_ ids: some Sequence<String>) {
    let new = ids.map(\.hashValue)
    hashes.withLock { $0.formUnion(new) }
  }
}
