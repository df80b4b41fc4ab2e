import Common
import Synchronization

/// The stores that objects are looked up in: the one that all have to be in, or whichever each URL
/// names. Owns them, with their connections and tokens.
package final class Stores: Sendable {
  /// Records may name any number of buckets; so many stay open.
  private static let maximum = 16

  private let only: (any ObjectStore)?
  private let settings: StoreSettings
  private let buckets = Mutex<[String: any ObjectStore]>([:])

  /// The store at `url`, and no other; without a URL, any. Throws where that is the URL of no store.
  package init(only url: String? = nil, _ settings: StoreSettings = StoreSettings()) throws(Fatal) {
    only = if let url { try openStore(url, settings) } else { nil }
    self.settings = settings
  }

  /// The store to ask about an object. Throws `store_rejected` for a URL that leads to none.
  package func holding(_ url: String) throws -> any ObjectStore {
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

/// Opens the store that a URL names: `gs://bucket/prefix`, `s3://bucket/prefix`,
/// `file:///some/directory`, or a bare path to a directory, which need not exist yet. Sends no request yet.
package func openStore(
  _ url: String, _ settings: StoreSettings = StoreSettings()
) throws(Fatal) -> any ObjectStore {
  guard !url.isEmpty else {
    throw Fatal(.configuration, "the store's URL is empty: expected \(knownStores)")
  }
  if url.utf8.starts(with: FileURL.scheme.utf8) {
    guard let path = FileURL.path(of: url) else {
      throw Fatal(
        .configuration,
        "\(SecretRedactor.refused(url)) is not a file URL without host: expected file:///some/directory"
      )
    }
    return try FileStore(root: path)
  }
  if url.utf8.starts(with: "gs:".utf8) {
    let bucket = try BucketURL(url, scheme: "gs")
    return GoogleStore(try GoogleService(bucket, settings))
  }
  if url.utf8.starts(with: "s3:".utf8) {
    let bucket = try BucketURL(url, scheme: "s3")
    return AmazonStore(try AmazonService(bucket, settings))
  }
  let first = url.utf8.prefix { $0 != UInt8(ascii: "/") }
  if first.contains(UInt8(ascii: ":")) {
    throw Fatal(
      .configuration,
      "there is no store for \(SecretRedactor.refused(url)): expected \(knownStores)")
  }
  guard !SecretRedactor.looksLikeAddress(url) else {
    throw Fatal(
      .configuration,
      "there is no store for \(Format.quoted(SecretRedactor.setting(url))): expected \(knownStores)"
    )
  }
  return try FileStore(root: url)
}

let knownStores = "gs://bucket/prefix, s3://bucket/prefix or file:///some/directory"
