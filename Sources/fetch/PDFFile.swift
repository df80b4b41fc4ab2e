import Digest
import Glibc

/// A PDF on its way into a file. Owns the descriptor.
final class PDFFile {
  /// How far from the end `%%EOF` may be (ISO 32000-2, annex H of readers' custom).
  private static let tailWindow = 1024

  let path: String
  private let descriptor: Int32
  private var digest: Digest? = Digest(.sha256)
  private(set) var bytes = 0
  private var tail: [UInt8] = []

  init(path: String) throws(FileError) {
    let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
    var descriptor = open(path, flags, 0o600)
    // The spool may have been removed by somebody since the run began.
    if descriptor < 0, errno == ENOENT, let slash = path.lastIndex(of: "/"),
      (try? Spool.makeDirectories(String(path[..<slash]))) != nil
    {
      descriptor = open(path, flags, 0o600)
    }
    self.descriptor = descriptor
    guard descriptor >= 0 else { throw FileError("open", path) }
    self.path = path
  }

  deinit { close(descriptor) }

  /// Writes all bytes. Returns what went wrong.
  func write(_ bytes: UnsafeRawBufferPointer) -> FileError? {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest)
      let written = Glibc.write(descriptor, piece.baseAddress, piece.count)
      if written >= 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR {
        return FileError("write", path)
      }
    }
    digest?.update(bytes)
    self.bytes += bytes.count
    tail.append(contentsOf: bytes.suffix(Self.tailWindow))
    tail.removeFirst(max(0, tail.count - Self.tailWindow))
    return nil
  }

  /// Whether `%%EOF` is within the last 1,024 bytes, where readers look for it.
  var endsWell: Bool { tail.withUnsafeBytes { $0[...].has("%%EOF") } }

  /// The checksum of all that was written. To be asked for once, at the end.
  func sha256() -> String {
    guard let digest = digest.take() else { return "" }
    return digest.hex()
  }
}

extension Slice<UnsafeRawBufferPointer> {
  /// Whether a short text is in it. The standard library's search is generic, and took a quarter of
  /// all processor time here.
  func has(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    var rest = UnsafeRawBufferPointer(rebasing: self)
    while rest.count >= length, let start = rest.baseAddress,
      let found = memchr(start, Int32(text.utf8Start[0]), rest.count - length + 1)
    {
      if memcmp(found, text.utf8Start, length) == 0 { return true }
      rest = UnsafeRawBufferPointer(rebasing: rest[(UnsafeRawPointer(found) - start + 1)...])
    }
    return false
  }
}
