import CCRC32C
import CCrypto
import Files
import Glibc

/// A running checksum; owns its libcrypto context.
package struct Digest: ~Copyable {
  package enum Algorithm: Sendable {
    case sha256, md5
    /// Only for names that others make with it.
    case sha1
  }

  private let context: OpaquePointer

  /// Looked up once: otherwise OpenSSL does so for each digest, under a lock (EVP_DigestInit(3), "implicit fetching").
  /// Never changed and never freed, and OpenSSL's own threads share it in the same way.
  nonisolated(unsafe) private static let sha256Type = EVP_MD_fetch(nil, "SHA256", nil)

  /// A checksum of nothing yet.
  package init(_ algorithm: Algorithm) {
    let type =
      switch algorithm {
      case .sha256: Self.sha256Type ?? EVP_sha256()
      case .md5: EVP_md5()
      case .sha1: EVP_sha1()
      }
    // EVP_MD_CTX_new and EVP_DigestInit_ex fail only without memory, as every allocation here.
    guard let context = EVP_MD_CTX_new() else { preconditionFailure("no memory for a digest") }
    precondition(EVP_DigestInit_ex(context, type, nil) == 1, "no memory for a digest")
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Adds bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  /// The checksum's bytes. Ends it.
  package consuming func finish() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { bytes, count in
      var length: UInt32 = 0
      EVP_DigestFinal_ex(context, bytes.baseAddress, &length)
      count = Int(length)
    }
  }

  /// The checksum in lower-case hexadecimal digits. Ends it.
  package consuming func hex() -> String { Digest.hex(finish()) }

  /// The SHA-256 of some bytes in hexadecimal digits.
  package static func sha256(_ bytes: some Sequence<UInt8>) -> String {
    var digest = Digest(.sha256)
    Array(bytes).withUnsafeBytes { digest.update($0) }
    return digest.hex()
  }

  /// Bytes in lower-case hexadecimal digits.
  package static func hex(_ bytes: [UInt8]) -> String {
    func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
    return String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
      for (index, byte) in bytes.enumerated() {
        text[2 * index] = digit(byte >> 4)
        text[2 * index + 1] = digit(byte & 15)
      }
      return 2 * bytes.count
    }
  }

  /// The bytes that hexadecimal digits stand for; `nil` for any other text.
  package static func bytes(hex text: String) -> [UInt8]? {
    let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
    let values = digits.compactMap(\.self)
    return stride(from: 0, to: values.count, by: 2).map {
      UInt8(values[$0] << 4 + values[$0 + 1])
    }
  }
}

/// A running CRC32C: what Google Cloud Storage keeps of every object. It finds what went wrong on the
/// way, at a tenth of MD5's cost, and cannot tell apart what was made to be taken for the same.
package struct CRC32C: Sendable {
  private var value: UInt32 = 0

  /// The checksum of nothing yet.
  package init() {}

  /// Adds bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    value = conveyor_crc32c(value, bytes.baseAddress, bytes.count)
  }

  /// Its four bytes, the highest first, as Google writes them.
  package var bytes: [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

  /// The same in lower-case hexadecimal digits.
  package var hex: String { Digest.hex(bytes) }
}

/// What a file holds: its size and its checksums.
package struct FileDigest: Sendable, Equatable {
  /// What is wanted besides SHA-256.
  package struct Extras: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }
    /// What S3 and its like know of an object.
    package static let md5 = Extras(rawValue: 1)
    /// What Google Cloud Storage knows of every object.
    package static let crc32c = Extras(rawValue: 2)
  }

  /// Size in bytes.
  package let bytes: Int
  /// SHA-256 in hexadecimal digits.
  package let sha256: String
  /// MD5 in hexadecimal digits, where it was asked for.
  package let md5: String?
  /// CRC32C in hexadecimal digits, where it was asked for.
  package let crc32c: String?

  /// Reads the file at `path` once. Throws the system's error.
  package init(path: String, also extras: Extras = []) throws(FileError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("open", path) }
    defer { close(descriptor) }
    try self.init(descriptor: descriptor, path: path, also: extras)
  }

  /// Reads what is left of an open file once, and hands each chunk over as it is read: what is
  /// copied is what is digested. `path` is for the error.
  package init(
    descriptor: Int32, path: String, also extras: Extras = [],
    chunk: (UnsafeRawBufferPointer) throws(FileError) -> Void = { _ in }
  ) throws(FileError) {
    var sha256 = Digest(.sha256)
    var md5 = extras.contains(.md5) ? Digest(.md5) : nil
    var crc32c = extras.contains(.crc32c) ? CRC32C() : nil
    var total = 0
    // From 128 KiB on, malloc(3) would map and unmap it for each file.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError("read", path)
      }
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      sha256.update(bytes)
      md5?.update(bytes)
      crc32c?.update(bytes)
      try chunk(bytes)
      total += count
    }
    bytes = total
    self.sha256 = sha256.hex()
    self.md5 = md5.take()?.hex()
    self.crc32c = crc32c?.hex
  }
}
