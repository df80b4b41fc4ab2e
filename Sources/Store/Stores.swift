import Common
import Synchronization

/// The stores that objects are looked up in: the one that all have to be in, or whichever each URL
/// names. Whoever holds this owns them, with their connections and tokens.
public final class Stores: Sendable {
  /// Records may name any number of buckets; so many stay open.
  private static let maximum = 16

  private let only: (any ObjectStore)?
  private let settings: StoreSettings
  private let buckets = Mutex<[String: any ObjectStore]>([:])

  /// The store at `url`, and no other; without a URL, any. Throws where that is the URL of no store.
  public init(only url: String? = nil, _ settings: StoreSettings = StoreSettings()) throws(Fatal) {
    only = if let url { try openStore(url, settings) } else { nil }
    self.settings = settings
  }

  /// The store to ask about an object. Throws `store_rejected` for a URL that leads to none.
  public func holding(_ url: String) throws -> any ObjectStore {
    if let only { return only }
    if url.utf8.starts(with: FileURL.scheme.utf8) { return try FileStore(root: "/") }
    for scheme in ["gs://", "s3://"] where url.utf8.starts(with: scheme.utf8) {
      let bucket = url.utf8.dropFirst(scheme.utf8.count).prefix { $0 != UInt8(ascii: "/") }
      return try openBucket(scheme + String(Substring(bucket)))
    }
    throw RecordError(
      .storeRejected,
      "\(SecretRedactor.refused(url)) is in no store that can be asked: not \(knownStores)")
  }

  private func openBucket(_ root: String) throws -> any ObjectStore {
    if let store = buckets.withLock({ $0[root] }) { return store }
    let store: any ObjectStore
    do throws(Fatal) { store = try openStore(root, settings) } catch {
      guard error.code == .configuration else { throw error }
      throw RecordError(.storeRejected, error.message)
    }
    return buckets.withLock { stores in
      if let other = stores[root] { return other }
      if stores.count >= Self.maximum { stores.removeAll() }
      stores[root] = store
      return store
    }
  }
}
