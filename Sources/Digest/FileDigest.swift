import Glibc

/// What a file holds: its size and both checksums that we record.
public struct FileDigest: Sendable, Equatable {
  /// Size in bytes.
  public let bytes: Int
  /// SHA-256 in hexadecimal digits.
  public let sha256: String
  /// MD5 in hexadecimal digits, where it was asked for.
  public let md5: String?

  /// Reads the file at `path` once. Throws the system's error.
  public init(path: String, withMD5: Bool = false) throws(FileError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("open", path) }
    defer { close(descriptor) }
    try self.init(descriptor: descriptor, path: path, withMD5: withMD5)
  }

  /// Reads what is left of an open file once, and hands each piece over as it is read: what is
  /// copied is what is digested. `path` is for the error.
  public init(
    descriptor: Int32, path: String, withMD5: Bool = false,
    piece: (UnsafeRawBufferPointer) throws(FileError) -> Void = { _ in }
  ) throws(FileError) {
    var sha256 = Digest(.sha256)
    var md5 = withMD5 ? Digest(.md5) : nil
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
      try piece(bytes)
      total += count
    }
    bytes = total
    self.sha256 = sha256.hex()
    self.md5 = md5.take()?.hex()
  }
}

/// A call on a file that failed: which, on what, and the system's reason.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The system call.
  public let call: String
  /// The file.
  public let path: String
  /// The `errno` it left.
  public let code: Int32

  /// The error of a call that failed just now, or the given code.
  public init(_ call: String, _ path: String, code: Int32 = errno) {
    self.call = call
    self.path = path
    self.code = code
  }

  /// `cannot open spool/1.pdf: No such file or directory`.
  public var description: String { "cannot \(call) \(path): \(String(cString: strerror(code)))" }
}
