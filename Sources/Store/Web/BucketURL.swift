import Common

/// A bucket and the place within it, as `gs://bucket/prefix` names it. What stands behind the bucket
/// is taken as it is, without percent-encoding, as the vendors' own command-line tools do.
struct BucketURL: Sendable, Equatable {
  /// `gs` or `s3`.
  let scheme: String
  let bucket: String
  /// What all names begin with: empty, or with a slash at its end.
  let prefix: String

  /// Reads the URL of a store.
  init(_ text: String, scheme: String) throws(Fatal) {
    let start = scheme + "://"
    func refuse(_ why: String) -> Fatal {
      Fatal(
        .configuration, "\(SecretRedactor.refused(text)) \(why): expected \(start)bucket/prefix")
    }
    guard text.utf8.starts(with: start.utf8) else { throw refuse("is no URL of a bucket") }
    let rest = Substring(text.utf8.dropFirst(start.utf8.count))
    let bucket = String(Substring(rest.utf8.prefix { $0 != UInt8(ascii: "/") }))
    guard !bucket.utf8.contains(UInt8(ascii: "@")) else {
      throw refuse("has a key or a password in it, which belongs into the environment")
    }
    guard Self.isBucket(bucket) else { throw refuse("names no bucket") }
    var prefix = Substring(rest.utf8.dropFirst(bucket.utf8.count + 1))
    while prefix.utf8.last == UInt8(ascii: "/") { prefix = Substring(prefix.utf8.dropLast()) }
    do throws(RecordError) {
      self.prefix = prefix.isEmpty ? "" : try ObjectKey(String(prefix)).text + "/"
    } catch { throw refuse("has a prefix that cannot be: \(error.message)") }
    self.scheme = scheme
    self.bucket = bucket
  }

  /// 3 to 222 lower-case letters, digits, `-`, `_` and `.`, with a letter or digit at both ends: the
  /// rules of both vendors taken together.
  private static func isBucket(_ name: String) -> Bool {
    let edges = Set("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
    let bytes = Array(name.utf8)
    guard (3...222).contains(bytes.count), let first = bytes.first, let last = bytes.last else {
      return false
    }
    let isInner = { (byte: UInt8) in edges.contains(byte) || "-_.".utf8.contains(byte) }
    return edges.contains(first) && edges.contains(last) && bytes.allSatisfy(isInner)
  }

  /// The bucket without a place in it.
  var root: String { "\(scheme)://\(bucket)" }

  /// The name that an object with this key has in the bucket.
  func name(of key: ObjectKey) throws(RecordError) -> String {
    let name = prefix + key.text
    guard name.utf8.count <= ObjectKey.maximumBytes else {
      throw RecordError(
        .storeRejected,
        "with the store's prefix, the key is \(name.utf8.count) bytes long, and "
          + "\(ObjectKey.maximumBytes) are allowed: \(Format.quoted(name))")
    }
    return name
  }

  /// The URL of an object by its name.
  func url(ofName name: String) -> String { "\(root)/\(name)" }

  /// The name that an object's URL has in this bucket. Throws `store_rejected` for any other URL.
  func name(at url: String) throws(RecordError) -> String {
    let start = "\(root)/\(prefix)"
    guard url.utf8.starts(with: start.utf8) else {
      throw RecordError(.storeRejected, "\(Format.quoted(url)) is not in the store \(start)")
    }
    let name = Substring(url.utf8.dropFirst(root.utf8.count + 1))
    return try ObjectKey(String(name)).text
  }
}
