import Common
import Glibc
import Synchronization

/// Opens the store that a URL names: `gs://bucket/prefix`, `s3://bucket/prefix`,
/// `file:///some/directory`, or a bare path to a directory, which need not exist yet. Asks nobody anything yet.
public func openStore(
  _ url: String, _ settings: StoreSettings = StoreSettings()
) throws(Fatal) -> any ObjectStore {
  guard !url.isEmpty else {
    throw Fatal(.configuration, "the store's URL is empty: expected \(knownStores)")
  }
  if url.utf8.starts(with: FileURL.scheme.utf8) {
    guard let path = FileURL.path(of: url) else {
      throw Fatal(
        .configuration,
        "\(Format.quoted(url)) is not a file URL without host: expected file:///some/directory")
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
      .configuration, "there is no store for \(Format.quoted(url)): expected \(knownStores)")
  }
  return try FileStore(root: url)
}

private let knownStores = "gs://bucket/prefix, s3://bucket/prefix or file:///some/directory"

/// Opens whatever store an object's URL belongs to, for looking only. Throws `store_rejected` for a
/// URL that leads to none. Buckets stay open for the next object, with connections and token.
public func openStore(holding url: String) throws -> any ObjectStore {
  if url.utf8.starts(with: FileURL.scheme.utf8) { return try FileStore(root: "/") }
  for scheme in ["gs://", "s3://"] where url.utf8.starts(with: scheme.utf8) {
    let bucket = url.utf8.dropFirst(scheme.utf8.count).prefix { $0 != UInt8(ascii: "/") }
    let root = scheme + String(Substring(bucket))
    if let store = openBuckets.withLock({ $0[root] }) { return store }
    let store: any ObjectStore
    do throws(Fatal) { store = try openStore(root) } catch {
      guard error.code == .configuration else { throw error }
      throw RecordError(.storeRejected, error.message)
    }
    return openBuckets.withLock { stores in
      if let other = stores[root] { return other }
      // Records may name any number of buckets.
      if stores.count >= 16 { stores.removeAll() }
      stores[root] = store
      return store
    }
  }
  throw RecordError(
    .storeRejected, "\(Format.quoted(url)) is in no store that can be asked: not \(knownStores)")
}

private let openBuckets = Mutex<[String: any ObjectStore]>([:])
