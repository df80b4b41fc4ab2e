import Common

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
