import Files
import Common
import Crypto
import Glibc
import Store

/// What `upload` claims to have put somewhere, to be compared with what the store says is there.
struct ObjectCheck: Sendable, Equatable {
  let url: String
  let bytes: Int
  let sha256: String
  let md5: String?
  let crc32c: String?

  /// Reads the claim of a record; throws `invalid_record` where it makes none that can be checked.
  init(_ record: DocumentRecord) throws(RecordError) {
    guard let upload = record.upload else {
      throw RecordError(.invalidRecord, "nothing was uploaded for it")
    }
    guard let url = upload.url else {
      throw RecordError(.invalidRecord, "upload.url is missing: nothing was uploaded for it")
    }
    guard let bytes = upload.bytes, let sha256 = upload.sha256 else {
      throw RecordError(
        .invalidRecord, "upload.bytes or upload.sha256 is missing: there is nothing to compare with"
      )
    }
    self.url = url
    self.bytes = bytes
    self.sha256 = sha256.lowercased()
    md5 = upload.md5?.lowercased()
    crc32c = upload.crc32c?.lowercased()
  }

  /// Compares; returns what was compared: `size+sha256`, or `size+md5` where a store knows no more, or
  /// `size+crc32c` where the MD5 is the store's own, too, and only CRC32C is of the bytes that were sent.
  /// Another attempt will upload it again, so what is missing or different can be tried again.
  func compare(with found: ObjectInfo?) throws(RecordError) -> String {
    guard let found else { throw refuse("nothing is there") }
    guard found.bytes == bytes else {
      throw refuse(
        "\(Format.count(found.bytes)) bytes are there, and \(Format.count(bytes)) were uploaded")
    }
    if contradictsNote(of: found), let noted = found.recordedSHA256 {
      throw refuse("its metadata tell SHA-256 \(noted), and \(sha256) was uploaded")
    }
    if let there = found.sha256 {
      guard there == sha256 else {
        throw refuse("SHA-256 \(there) is there, and \(sha256) was uploaded")
      }
      return "size+sha256"
    }
    if let there = found.md5, let md5, there != md5 {
      throw refuse("MD5 \(there) is there, and \(md5) was uploaded")
    }
    if let there = found.crc32c, let crc32c {
      guard there == crc32c else {
        throw refuse("CRC32C \(there) is there, and \(crc32c) was uploaded")
      }
      return "size+crc32c"
    }
    guard found.md5 != nil, md5 != nil else {
      throw refuse("the store knows no checksum of it that could be compared")
    }
    return "size+md5"
  }

  /// Whether another SHA-256 is noted beside the object. A note of somebody else's making may be anything;
  /// one that is a SHA-256 says what it is of.
  func contradictsNote(of found: ObjectInfo?) -> Bool {
    guard let noted = found?.recordedSHA256?.lowercased() else { return false }
    return noted.utf8.count == 64 && noted != sha256
  }

  /// Compares what was read back; returns what was compared.
  func compare(withBytes content: ObjectInfo?) throws(RecordError) -> String {
    let compared = try compare(with: content)
    guard content?.sha256 != nil else { throw refuse("it could not be read back") }
    return compared
  }

  private func refuse(_ why: String) -> RecordError {
    RecordError(.storeRejected, "\(url): \(why)", isRetryable: true, counts: true)
  }
}

/// A share of all documents, always the same ones: by a hash of the id, so that a second run reads
/// what the first one read.
struct Sample: Sendable, Equatable {
  /// From 0 to 1.
  let share: Double

  /// Whether the document is one of them.
  func contains(_ id: String) -> Bool {
    let digits = Digest.sha256(id.utf8).prefix(8)
    return Double(UInt32(digits, radix: 16) ?? 0) < share * 4_294_967_296
  }
}

extension WholeFile {
  /// The same for a file that a run ends without: `what` names it. Throws with exit code 74.
  static func write(_ bytes: [UInt8], to path: String, what: String) throws(Fatal) {
    do throws(FileError) { try write(bytes, to: path) } catch {
      throw Fatal(
        .inputOutput, "cannot write \(what) \(path): \(String(cString: strerror(error.code)))")
    }
  }
}
