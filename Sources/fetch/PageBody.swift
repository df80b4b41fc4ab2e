import Common
import Digest
import Glibc

/// A page as it came: in memory while it is small, else in a file, so that many workers with large pages
/// need no more memory than with small ones. Owns the file.
final class PageBody {
  /// Largest page that is read, in bytes. Pages with the state of a form in them have 11 MB.
  static let maximum = 32 << 20
  /// Bytes that stay in memory.
  private static let memory = 64 << 10
  /// Bytes that are read at a time.
  private static let pieceSize = 64 << 10

  private let path: String
  private var descriptor: Int32 = -1
  /// How the page begins; all of it where there is no file.
  private(set) var start: [UInt8] = []
  private(set) var count = 0
  /// Whether there was more than is kept.
  private(set) var isCut = false

  /// A page that goes to `path` should it become large.
  init(path: String) { self.path = path }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
  }

  var isEmpty: Bool { count == 0 }

  /// Adds what came. Returns why the file cannot be written.
  func append(_ bytes: UnsafeRawBufferPointer) -> FileError? {
    let kept = bytes.prefix(Self.maximum - count)
    if kept.count < bytes.count { isCut = true }
    guard !kept.isEmpty else { return nil }
    count += kept.count
    if descriptor < 0, count <= Self.memory {
      start.append(contentsOf: kept)
      return nil
    }
    if descriptor < 0 {
      descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard descriptor >= 0 else { return FileError("open", path) }
      // Read by the descriptor alone, so that nothing is left whatever ends the process.
      unlink(path)
      if let failure = write(start) { return failure }
    }
    return write(Array(kept))
  }

  private func write(_ bytes: [UInt8]) -> FileError? {
    errno = writeAll(bytes, to: descriptor)
    return errno == 0 ? nil : FileError("write", path)
  }

  /// The bytes from `offset` on, 64 KiB at most; none at the end.
  func piece(at offset: Int) throws(FileError) -> [UInt8] {
    guard descriptor >= 0 else { return Array(start.dropFirst(offset).prefix(Self.pieceSize)) }
    var bytes = [UInt8](repeating: 0, count: Self.pieceSize)
    while true {
      let read = pread(descriptor, &bytes, bytes.count, off_t(offset))
      if read >= 0 { return Array(bytes.prefix(read)) }
      guard errno == EINTR else { throw FileError("read", path) }
    }
  }

  /// The last bytes, `length` at most.
  func end(_ length: Int) -> [UInt8] {
    guard descriptor >= 0 else { return Array(start.suffix(length)) }
    return ((try? piece(at: max(0, count - min(length, Self.pieceSize)))) ?? []).suffix(length)
  }
}
