/// What a store holds, in pages, so that memory does not grow with it. Belongs to one thread.
public protocol ObjectLister: AnyObject {
  /// The next objects in the byte order of their URLs; `nil` at the end, and never an empty page.
  /// Throws ``Fatal`` where the store cannot be read, and `interrupted` when the run is stopped.
  func next() throws -> [ListedObject]?
}

/// An object as a listing has it: what a store tells of it without being asked about it alone.
public struct ListedObject: Sendable, Equatable {
  /// Where it is.
  public let url: String
  /// Its size in bytes.
  public let bytes: Int
  /// What is most likely its MD5, in hexadecimal digits: S3 does not say in a listing whether an
  /// object's ETag is one.
  public let md5: String?
  /// The SHA-256 that its uploader noted beside it: a claim.
  public let recordedSHA256: String?
  /// When it was last changed, in nanoseconds since 1970, where that cannot be set at will.
  public let changedAt: Int64?

  /// An object of `bytes` at `url`.
  public init(
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
