import Files
import Common
import Glibc

/// A SQLite file that cannot be read any more and holds nothing worth saving: emptied in place, so that
/// processes that have it open go on with the same file, and kept beside as a copy.
struct DamagedFile {
  private let path: String
  private let content: [UInt8]

  /// More than a limiter ever has, in bytes.
  private static let largest = 16 << 20

  /// A file that SQLite calls damaged, which had `content` before SQLite looked at it: read afterwards, it might be a
  /// new one that somebody else has made in its place by then. `nil` where it may be something else: it has neither the
  /// `mark` of the schema in it, nor is it so empty, or so short, that there is nothing to be seen.
  init?(_ path: String, _ content: [UInt8], mark: String) {
    self.path = path
    self.content = content
    let magic = Array("SQLite format 3\0".utf8)
    let isHeadOnly = content.starts(with: magic) && content.count < 512
    let isBlank = content.prefix(512).allSatisfy { $0 == 0 }
    guard content.count <= Self.largest,
      isHeadOnly || isBlank || Self.contains(content, Array(mark.utf8))
    else { return nil }
  }

  /// What a file has in it, or a little more than a limiter ever has; `nil` where there is none. Throws with exit
  /// code 74.
  static func content(of path: String) throws(Fatal) -> [UInt8]? {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return try content(descriptor, path)
  }

  /// Empties the file, which makes it a new one for SQLite, and returns the name of the copy; `nil` where somebody
  /// else has changed it since it was looked at. Throws with exit code 74.
  func empty() throws(Fatal) -> String? {
    let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("opened") }
    defer { close(descriptor) }
    // The bytes that SQLite locks: PENDING_BYTE and what follows (sqlite.org/fileformat2.html, 1.2).
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    lock.l_start = 0x4000_0000
    lock.l_len = 512
    guard fcntl(descriptor, F_SETLKW, &lock) == 0 else { throw failure("locked") }
    guard try Self.content(descriptor, path) == content else { return nil }
    let copy = path + "-damaged"
    try save(copy)
    // Its journal is of what was there before.
    guard unlink(path + "-journal") == 0 || errno == ENOENT, ftruncate(descriptor, 0) == 0,
      fsync(descriptor) == 0
    else { throw failure("emptied") }
    return copy
  }

  private func save(_ copy: String) throws(Fatal) {
    let descriptor = Glibc.open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("copied to \(copy)") }
    defer { close(descriptor) }
    let code = writeAll(content, to: descriptor)
    guard code == 0 else { throw failure("copied to \(copy)", code) }
  }

  private func failure(_ what: String, _ code: Int32 = errno) -> Fatal {
    let reason = String(cString: strerror(code))
    return Fatal(
      .inputOutput, "the limiter \(path) is damaged, and cannot be \(what): \(reason)")
  }

  private static func content(_ descriptor: Int32, _ path: String) throws(Fatal) -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw Fatal(
        .inputOutput, "the limiter \(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    var bytes = [UInt8](repeating: 0, count: min(largest, Int(status.st_size)) + 1)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count, off_t(count))
      }
      guard got >= 0 else {
        throw Fatal(
          .inputOutput, "the limiter \(path) cannot be read: \(String(cString: strerror(errno)))")
      }
      if got == 0 { break }
      count += got
    }
    return Array(bytes.prefix(count))
  }

  private static func contains(_ content: [UInt8], _ mark: [UInt8]) -> Bool {
    guard content.count >= mark.count, let first = mark.first else { return false }
    return content.indices.dropLast(mark.count - 1).contains {
      content[$0] == first && content[$0...].starts(with: mark)
    }
  }
}
