import Files
import Common
import Crypto
import HTTP

/// What S3 knows of an object, from the headers of a HEAD.
struct AmazonObject: BucketObject, Equatable {
  let bytes: Int
  /// Without its quotes: the MD5 of the content, or for an upload in parts the MD5 of their MD5s with
  /// `-` and their number; something else where the store encrypts with keys of its own.
  let etag: String
  /// The SHA-256 that the uploader noted as metadata: a claim.
  let sha256: String?
  let version: String?
  private let hasOtherETag: Bool

  init?(_ answer: StoreResponse) {
    let head = answer.head
    // A GET for the first byte says how many there are behind the slash (RFC 9110, section 14.4).
    let range = head.header("Content-Range")?.split(separator: "/").last
    guard
      let bytes = (range.map(String.init) ?? head.header("Content-Length")).flatMap({ Int($0) }),
      let etag = head.header("ETag")
    else { return nil }
    self.bytes = bytes
    self.etag = Self.unquoted(etag)
    sha256 = head.header("x-amz-meta-sha256")
    version = Self.version(head)
    hasOtherETag = Self.hasOtherETag(head)
  }

  /// The version's number; a bucket that keeps no versions may call all of them "null".
  static func version(_ head: ResponseHead) -> String? {
    head.header("x-amz-version-id").flatMap { $0 == "null" ? nil : $0 }
  }

  static func unquoted(_ etag: String) -> String { etag.filter { $0 != "\"" }.lowercased() }

  /// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html: with keys of KMS or of the
  /// customer, the ETag is not an MD5, though it looks like one.
  static func hasOtherETag(_ head: ResponseHead) -> Bool {
    head.header("x-amz-server-side-encryption")?.hasPrefix("aws:kms") == true
      || head.header("x-amz-server-side-encryption-customer-algorithm") != nil
  }

  /// Of an object that came in parts, S3 knows no checksum of the whole. Each part was compared when it
  /// came, and the note was bound to them in the same upload.
  var info: ObjectInfo {
    ObjectInfo(bytes: bytes, sha256: md5 == nil ? sha256 : nil, md5: md5, recordedSHA256: sha256)
  }

  /// MD5 of the stored bytes, where the ETag is one.
  var md5: String? {
    hasOtherETag || etag.utf8.count != 32 || Digest.bytes(hex: etag) == nil ? nil : etag
  }

  /// The checksums are all that is asked of the file.
  func holds(_ content: PartedDigest, of file: borrowing RegularFile) -> Bool? { holds(content) }

  /// Whether it is the content that a file has, by what the store itself computed, or, where that cannot
  /// be told from its ETag, by what was noted when it was put. Where the two contradict each other, or
  /// neither is there, only the bytes can tell.
  func holds(_ content: PartedDigest) -> Bool? {
    guard bytes == content.whole.bytes else { return false }
    if !hasOtherETag, !etag.isEmpty, etag == content.whole.md5 || etag == content.etag {
      return true
    }
    guard let sha256 else { return md5 == nil ? nil : false }
    let isNoted = sha256 == content.whole.sha256
    return md5 != nil && isNoted ? nil : isNoted
  }
}

/// The checksums of a file and of the parts that it is sent in.
struct PartedDigest: BucketContent, Equatable {
  let whole: FileDigest
  /// Each part's range, and its MD5.
  let parts: [(range: Range<Int>, md5: [UInt8], sha256: String)]

  static func == (left: Self, right: Self) -> Bool { left.whole == right.whole }

  /// Reads a file once.
  init(_ file: SourceFile, _ opened: borrowing RegularFile, part: Int) throws {
    var parts: [(range: Range<Int>, md5: [UInt8], sha256: String)] = []
    var running = Running()
    whole = try file.content(of: opened, also: .md5) { chunk throws(FileError) in
      var rest = chunk
      while !rest.isEmpty {
        let count = min(part - running.count, rest.count)
        running.add(UnsafeRawBufferPointer(rebasing: rest.prefix(count)))
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        if running.count == part { parts.append(running.finish(after: parts.last?.range)) }
      }
    }
    if running.count > 0 { parts.append(running.finish(after: parts.last?.range)) }
    self.parts = parts
  }

  /// Whether it is too large for one request.
  var isInParts: Bool { parts.count > 1 }

  /// The ETag that an upload in these parts gets.
  var etag: String {
    var digest = Digest(.md5)
    parts.flatMap(\.md5).withUnsafeBytes { digest.update($0) }
    return "\(digest.hex())-\(parts.count)"
  }

  private struct Running: ~Copyable {
    var count = 0
    private var md5: Digest? = Digest(.md5)
    private var sha256: Digest? = Digest(.sha256)

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
      count += bytes.count
      md5?.update(bytes)
      sha256?.update(bytes)
    }

    mutating func finish(
      after last: Range<Int>?
    ) -> (range: Range<Int>, md5: [UInt8], sha256: String) {
      let start = last?.upperBound ?? 0
      let range = start..<start + count
      let sums = (md5.take()?.finish() ?? [], sha256.take()?.hex() ?? "")
      self = Running()
      return (range, sums.0, sums.1)
    }
  }
}
