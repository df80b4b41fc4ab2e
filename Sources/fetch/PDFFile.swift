import Files
import Crypto
import Glibc
import Inspection

/// A PDF on its way into a file. Owns the descriptor.
final class PDFFile {
  let path: String
  private let descriptor: Int32
  private var digest: Digest? = Digest(.sha256)
  private(set) var bytes = 0
  /// Whether it has its final name, so that nothing is left under the first.
  var isMoved = false

  init(path: String) throws(FileError) {
    let flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
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
      let chunk = UnsafeRawBufferPointer(rebasing: rest)
      let written = Glibc.write(descriptor, chunk.baseAddress, chunk.count)
      if written >= 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR {
        return FileError("write", path)
      }
    }
    digest?.update(bytes)
    self.bytes += bytes.count
    return nil
  }

  /// What is certain of it without libqpdf, as is of nearly all files.
  var finding: PDFFinding? { OrdinaryPDF.finding(of: descriptor, size: bytes) }

  /// The checksum of all that was written. To be asked for once, at the end.
  func sha256() -> String {
    guard let digest = digest.take() else { return "" }
    return digest.hex()
  }
}
