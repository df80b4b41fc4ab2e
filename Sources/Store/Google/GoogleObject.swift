import Common
import Digest
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

  init?(_ answer: Answer) {
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
  func holds(_ content: FileDigest, of file: borrowing RegularFile) throws -> Bool {
    guard arrived(content) else { return false }
    guard let md5 else { return sha256 == content.sha256 }
    return try md5 == file.md5()
  }
}

/// An error as Google's JSON API words it.
struct GoogleError: Sendable, Equatable {
  /// One word for it, for ``Meaning``.
  let code: String
  /// For people.
  let message: String

  init(_ body: [UInt8]) {
    let json = body.isEmpty ? .null : (try? JSON(parsing: body)) ?? .null
    let error = json["error"]
    // The token endpoint has an error of its own form (RFC 6749, section 5.2).
    let message =
      error?["message"]?.string ?? json["error_description"]?.string ?? error?.string
      ?? String(decoding: body.prefix(200), as: UTF8.self)
    self.message = message
    // Two that have to be told apart have no word of their own, only a sentence.
    if strstr(message, "match calculated") != nil {
      code = "checksumMismatch"
    } else if strstr(message, "bucket does not exist") != nil {
      code = "noSuchBucket"
    } else {
      code = error?["errors"]?.array?.first?["reason"]?.string ?? ""
    }
  }
}
