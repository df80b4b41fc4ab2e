import Common

/// Hashes of ids: of those that have a row, so that a document that was never tried, the most frequent
/// case, costs no query. 8 bytes each, and some room.
public final class KnownIDs: Sendable {
  private let hashes: Lock<Set<Int>>

  /// Those with these hashes, to begin with.
  public init(_ hashes: consuming sending Set<Int>) { self.hashes = Lock(hashes) }

  /// Whether an id may be one of them; false is certain.
  public func mayContain(_ id: String) -> Bool {
    let hash = id.hashValue
    return hashes.withLock { $0.contains(hash) }
  }

  /// Adds ids, all with one lock: many threads ask at the same time.
  public func insert(_ ids: some Sequence<String>) {
    let new = ids.map(\.hashValue)
    hashes.withLock { $0.formUnion(new) }
  }
}
