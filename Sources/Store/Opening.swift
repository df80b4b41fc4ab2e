import Common
import Glibc

/// Opens the store that a URL names: `file:///some/directory`, or a bare path to a directory, which
/// need not exist yet.
public func openStore(_ url: String) throws(Fatal) -> any ObjectStore {
  guard !url.isEmpty else {
    throw Fatal(.configuration, "the store's URL is empty: expected file:///some/directory")
  }
  if url.utf8.starts(with: FileURL.scheme.utf8) {
    guard let path = FileURL.path(of: url) else {
      throw Fatal(
        .configuration,
        "\(Format.quoted(url)) is not a file URL without host: expected file:///some/directory")
    }
    return try FileStore(root: path)
  }
  let first = url.utf8.prefix { $0 != UInt8(ascii: "/") }
  if first.contains(UInt8(ascii: ":")) {
    throw Fatal(
      .configuration,
      "this version has no store for \(Format.quoted(url)): use file:///some/directory")
  }
  return try FileStore(root: url)
}

/// Opens whatever store an object's URL belongs to, for looking only. Throws `store_rejected` for a
/// URL that leads to none.
public func openStore(holding url: String) throws -> any ObjectStore {
  guard url.utf8.starts(with: FileURL.scheme.utf8) else {
    throw RecordError(
      .storeRejected, "\(Format.quoted(url)) is in no store that this version can ask")
  }
  return try FileStore(root: "/")
}
