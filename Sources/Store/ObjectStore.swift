import Common

/// Where documents go: a bucket, or a directory that is used like one.
///
/// Methods may be called by many threads at a time. They throw ``RecordError`` where one document is
/// concerned, and ``Fatal`` where the store as a whole is (permission, disk full, not reachable).
public protocol ObjectStore: Sendable {
  /// The URL that an object with this key has here. Throws `store_rejected` for a key that this
  /// store cannot hold.
  func url(of key: ObjectKey) throws -> String

  /// Puts a file's bytes under a key, whole or not at all, and never over other content unless
  /// `overwrite` says so (`store_conflict`). When this returns, the object is durable. An object
  /// that is there already with the same bytes is left alone.
  func put(
    _ file: SourceFile, at key: ObjectKey, metadata: [String: String], overwrite: Bool
  ) throws -> StoredObject

  /// Makes the bucket or directory, unless it is there, with the lifecycle that docs/upload.md tells.
  /// Returns what was made, for people; `nil` where there was nothing to make.
  func create() throws -> String?

  /// Tries what a run needs of the store, and leaves nothing there. Throws what a run would end with.
  func check(_ plan: CheckPlan) throws -> StoreCheck

  /// What the store holds at a URL; `nil` where it says that nothing is there, and the store itself is.
  func info(at url: String) throws -> ObjectInfo?

  /// Whether the store holds anything at a URL.
  func holdsObject(at url: String) throws -> Bool

  /// The same by reading the object to its end: both checksums are of the bytes that came.
  func content(at url: String) throws -> ObjectInfo?

  /// What the URLs of all objects of this store begin with.
  var place: String { get }

  /// All objects whose key begins with `prefix`, which may be empty.
  func list(_ prefix: String) throws -> any ObjectLister
}

extension ObjectStore {
  /// By what is known of it.
  public func holdsObject(at url: String) throws -> Bool { try info(at: url) != nil }
}

/// A file to be put, and what its bytes have to be.
public struct SourceFile: Sendable, Equatable {
  /// Where it is.
  public let path: String
  /// Its size as recorded when it was made, where it was.
  public let bytes: Int?
  /// Its SHA-256 as recorded when it was made, where it was, in lower-case hexadecimal digits.
  public let sha256: String?
  /// A directory that it has to be in, links resolved; `nil` for anywhere.
  public let root: String?

  /// The file at `path`, with what is known of it.
  public init(path: String, bytes: Int? = nil, sha256: String? = nil, root: String? = nil) {
    self.path = path
    self.bytes = bytes
    self.sha256 = sha256?.lowercased()
    self.root = root
  }
}

/// An object as it was put.
public struct StoredObject: Sendable, Equatable {
  /// Where it is.
  public let url: String
  /// Its size in bytes.
  public let bytes: Int
  /// SHA-256 of the bytes sent, in hexadecimal digits.
  public let sha256: String
  /// MD5 of the same bytes: computed here, or where ``crc32c`` was compared instead, by the store.
  public let md5: String?
  /// CRC32C of the bytes sent, in hexadecimal digits, where the store compared that.
  public let crc32c: String?
  /// The store's number for this version of the object, where it has one.
  public let generation: String?
  /// Whether it was there before with the same bytes.
  public let isSkipped: Bool

  /// An object at `url`.
  public init(
    url: String, bytes: Int, sha256: String, md5: String? = nil, crc32c: String? = nil,
    generation: String? = nil, isSkipped: Bool = false
  ) {
    self.url = url
    self.bytes = bytes
    self.sha256 = sha256
    self.md5 = md5
    self.crc32c = crc32c
    self.generation = generation
    self.isSkipped = isSkipped
  }
}

/// What a store knows of an object. At least one checksum is of the stored bytes.
public struct ObjectInfo: Sendable, Equatable {
  /// Its size in bytes.
  public let bytes: Int
  /// Its SHA-256 in hexadecimal digits, where the store vouches for it.
  public let sha256: String?
  /// Its MD5 in hexadecimal digits, where the store knows it.
  public let md5: String?
  /// Its CRC32C in hexadecimal digits, where the store knows it.
  public let crc32c: String?
  /// The SHA-256 that its uploader noted beside it: a claim, not the store's own finding.
  public let recordedSHA256: String?

  /// An object of `bytes`.
  public init(
    bytes: Int, sha256: String? = nil, md5: String? = nil, crc32c: String? = nil,
    recordedSHA256: String? = nil
  ) {
    self.bytes = bytes
    self.sha256 = sha256
    self.md5 = md5
    self.crc32c = crc32c
    self.recordedSHA256 = recordedSHA256
  }
}
