import Files
import Common
import Crypto
import Glibc

/// What Google Cloud Storage knows of an object (JSON API, resource `objects`).
struct GoogleObject: BucketObject, Equatable {
  let bytes: Int
  /// CRC32C of the stored bytes in hexadecimal digits: every object has one.
  let crc32c: String?
  /// Their MD5 likewise; composed objects have none.
  let md5: String?
  /// The number of this version.
  let generation: String
  /// The SHA-256 that the uploader noted as metadata: a claim.
  let sha256: String?

  init?(_ answer: StoreResponse) {
    guard let json = try? JSON(parsing: answer.body), let generation = json["generation"]?.text,
      let bytes = json["size"]?.text.flatMap({ Int($0) }), bytes >= 0
    else { return nil }
    self.bytes = bytes
    self.generation = generation
    crc32c = json["crc32c"]?.string.flatMap(Base64.decode).map(Digest.hex)
    md5 = json["md5Hash"]?.string.flatMap(Base64.decode).map(Digest.hex)
    sha256 = json["metadata"]?["sha256"]?.string
  }

  var info: ObjectInfo {
    ObjectInfo(bytes: bytes, md5: md5, crc32c: crc32c, recordedSHA256: sha256)
  }
  var version: String? { generation }

  /// Whether it is, by what the store itself computed, what was just sent: CRC32C finds what went wrong
  /// on the way.
  func arrived(_ content: FileDigest) -> Bool {
    bytes == content.bytes && crc32c == content.crc32c
  }

  /// What somebody else put there may have the same CRC32C by chance, once in four thousand million
  /// times; so MD5 decides.
  func holds(_ content: FileDigest, of file: borrowing RegularFile) throws -> Bool? {
    guard arrived(content) else { return false }
    // A composed object has no MD5.
    guard let md5 else { return sha256.map { $0 == content.sha256 } }
    return try md5 == file.md5()
  }
}
