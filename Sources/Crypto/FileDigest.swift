import Files
import Glibc

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
