import Common
import Digest

/// What Google Cloud Storage knows of an object (JSON API, resource `objects`).
struct GoogleObject: BucketObject, Equatable {
  let bytes: Int
  /// MD5 of the stored bytes in hexadecimal digits; composed objects have none.
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
    md5 = json["md5Hash"]?.string.flatMap(Base64.decode).map(Digest.hex)
    sha256 = json["metadata"]?["sha256"]?.string
  }

  var info: ObjectInfo { ObjectInfo(bytes: bytes, md5: md5, recordedSHA256: sha256) }
  var version: String? { generation }

  /// Whether it is, by what the store itself computed, the content that a file has.
  func holds(_ content: FileDigest) -> Bool { bytes == content.bytes && md5 == content.md5 }
}

/// An error as Google's JSON API words it.
struct GoogleError: Sendable, Equatable {
  /// One word for it, for ``Meaning``.
  let code: String
  /// For people.
  let message: String

  init(_ body: [UInt8]) {
    let json = (try? JSON(parsing: body)) ?? .null
    let error = json["error"]
    // The token endpoint has an error of its own form (RFC 6749, section 5.2).
    let message =
      error?["message"]?.string ?? json["error_description"]?.string ?? error?.string
      ?? String(decoding: body.prefix(200), as: UTF8.self)
    self.message = message
    // Two that have to be told apart have no word of their own, only a sentence.
    if message.contains("match calculated") {
      code = "checksumMismatch"
    } else if message.contains("bucket does not exist") {
      code = "noSuchBucket"
    } else {
      code = error?["errors"]?.array?.first?["reason"]?.string ?? ""
    }
  }
}
