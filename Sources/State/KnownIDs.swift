import Common

/// Hashes of the ids that have a row, so that a document that was never tried, the most frequent
/// case, costs no query: 8 bytes each, and some room.
final class KnownIDs: Sendable {
  private let hashes: Lock<Set<Int>>

  init(_ hashes: consuming sending Set<Int>) { self.hashes = Lock(hashes) }

  /// Whether an id may have a row; false is certain.
  func mayContain(_ id: String) -> Bool {
    let hash = id.hashValue
    return hashes.withLock { $0.contains(hash) }
  }

  /// Adds ids, all with one lock: many threads ask at the same time.
  func insert(_ ids: some Sequence<String>) {
    let new = ids.map(\.hashValue)
    hashes.withLock { $0.formUnion(new) }
  }
}
