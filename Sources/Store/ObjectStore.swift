import Common

/// Where documents go: a bucket, or a directory that is used like one.
///
/// Methods may be called by many threads at a time. They throw ``RecordError`` where one document is
/// concerned, and ``Fatal`` where the store as a whole is (permission, disk full, not reachable).
package protocol ObjectStore: Sendable {
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
  package func holdsObject(at url: String) throws -> Bool { try info(at: url) != nil }
}

/// A file to be put, and what its bytes have to be.
package struct SourceFile: Sendable, Equatable {
  package let path: String
  /// Its size as recorded when it was made, where it was.
  package let bytes: Int?
  /// Its SHA-256 as recorded when it was made, where it was, in lower-case hexadecimal digits.
  package let sha256: String?
  /// A directory that it has to be in, links resolved; `nil` for anywhere.
  package let root: String?

  /// The file at `path`, with what is known of it.
  package init(path: String, bytes: Int? = nil, sha256: String? = nil, root: String? = nil) {
    self.path = path
    self.bytes = bytes
    self.sha256 = sha256?.lowercased()
    self.root = root
  }
}

/// An object as it was put.
package struct StoredObject: Sendable, Equatable {
  package let url: String
  /// Its size in bytes.
  package let bytes: Int
  /// SHA-256 of the bytes sent, in hexadecimal digits.
  package let sha256: String
  /// MD5 of the same bytes: computed here, or where ``crc32c`` was compared instead, by the store.
  package let md5: String?
  /// CRC32C of the bytes sent, in hexadecimal digits, where the store compared that.
  package let crc32c: String?
  /// The store's number for this version of the object, where it has one.
  package let generation: String?
  /// Whether it was there before with the same bytes.
  package let isSkipped: Bool

  /// An object at `url`.
  package init(
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
package struct ObjectInfo: Sendable, Equatable {
  /// Its size in bytes.
  package let bytes: Int
  /// Its SHA-256 in hexadecimal digits, where the store vouches for it.
  package let sha256: String?
  /// Its MD5 in hexadecimal digits, where the store knows it.
  package let md5: String?
  /// Its CRC32C in hexadecimal digits, where the store knows it.
  package let crc32c: String?
  /// The SHA-256 that its uploader noted beside it: a claim, not the store's own finding.
  package let recordedSHA256: String?

  /// An object of `bytes`.
  package init(
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

/// What a store holds, in pages, so that memory does not grow with it. Belongs to one thread.
package protocol ObjectLister: AnyObject {
  /// The next objects in the byte order of their URLs; `nil` at the end, and never an empty page.
  /// Throws ``Fatal`` where the store cannot be read, and `interrupted` when the run is stopped.
  func next() throws -> [ListedObject]?
}

/// An object as a listing has it: what a store tells of it without being asked about it alone.
package struct ListedObject: Sendable, Equatable {
  package let url: String
  /// Its size in bytes.
  package let bytes: Int
  /// What is most likely its MD5, in hexadecimal digits: S3 does not say in a listing whether an
  /// object's ETag is one.
  package let md5: String?
  /// The SHA-256 that its uploader noted beside it: a claim.
  package let recordedSHA256: String?
  /// When it was last changed, in nanoseconds since 1970, where that cannot be set at will.
  package let changedAt: Int64?

  /// An object of `bytes` at `url`.
  package init(
    url: String, bytes: Int, md5: String? = nil, recordedSHA256: String? = nil,
    changedAt: Int64? = nil
  ) {
    self.url = url
    self.bytes = bytes
    self.md5 = md5
    self.recordedSHA256 = recordedSHA256
    self.changedAt = changedAt
  }
}

/// What a store said when it was tried before a run.
package struct StoreCheck: Sendable, Equatable {
  /// What is well, for people.
  package var findings: [String]
  /// What ends no run, and yet is not as it should be.
  package var warnings: [String]

  /// Findings, and what is to be said against them.
  package init(_ findings: [String], warnings: [String] = []) {
    self.findings = findings
    self.warnings = warnings
  }
}

/// What a check tries: what the run after it will do.
package struct CheckPlan: Sendable, Equatable {
  /// Whether it may write an object of its own, and remove it.
  package var writes: Bool
  /// Whether the run replaces objects.
  package var overwrites: Bool
  /// Metadata like those of the run's documents.
  package var metadata: [String: String]

  /// A check by reading alone, unless it `writes`.
  package init(writes: Bool, overwrites: Bool = false, metadata: [String: String] = [:]) {
    self.writes = writes
    self.overwrites = overwrites
    self.metadata = metadata
  }
}
