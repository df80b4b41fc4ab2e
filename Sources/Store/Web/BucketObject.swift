import Files
import Crypto

/// An object as its bucket describes it.
protocol BucketObject: Sendable {
  /// Checksums of a file.
  associatedtype Content: BucketContent

  /// Reads the answer to a look; `nil` where it describes no object.
  init?(_ answer: StoreResponse)
  /// What it is, for those who ask.
  var info: ObjectInfo { get }
  /// The store's number for this version, where it has one.
  var version: String? { get }
  /// Whether it is the content of a file with these checksums, which may be read again where they
  /// prove too little; `nil` where only the object's own bytes can tell.
  func holds(_ content: Content, of file: borrowing RegularFile) throws -> Bool?
}

/// Checksums of a file, those of the whole among them.
protocol BucketContent: Sendable {
  var whole: FileDigest { get }
}

extension FileDigest: BucketContent {
  var whole: FileDigest { self }
}

/// An object to be sent: only if what is under its name is what was `seen` there, or nothing.
struct PutRequest<Object: BucketObject>: Sendable {
  let name: String
  let content: Object.Content
  let descriptor: Int32
  let seen: Object?
  let metadata: [String: String]
}

/// What a store says that it has taken.
enum PutResult: Sendable, Equatable {
  /// What was sent, as this version.
  case same(version: String?, md5: String?)
  /// Something else, in words.
  case other(String)
  /// The answer does not say.
  case unknown
}
