import Glibc

/// A file that is there whole or not at all, whenever somebody looks.
package enum WholeFile {
  /// Puts bytes in place of what a path leads to, by way of a temporary file beside it (rename(2)); a link stays one.
  /// A new file has `mode`, less the umask. What is no file, like a device, a pipe or an open descriptor, takes the
  /// bytes itself: to put a file in the place of /dev/null would break the machine. Throws the system's error.
  package static func write(
    _ bytes: [UInt8], to path: String, mode: mode_t = 0o644
  ) throws(FileError) {
    var status = stat()
    let isThere = stat(path, &status) == 0
    guard !isThere || status.st_mode & S_IFMT == S_IFREG, !isOfDescriptor(path) else {
      return try put(bytes, into: path, named: path, O_APPEND, mode)
    }
    let target = resolved(path)
    let part = "\(target).\(getpid()).part"
    do throws(FileError) {
      try put(bytes, into: part, named: path, O_CREAT | O_TRUNC | O_NOFOLLOW, mode)
      guard rename(part, target) == 0 else { throw FileError("write", path) }
    } catch {
      unlink(part)
      throw error
    }
  }

  /// /dev/stdout and its like may lead to a file, which the descriptor would not follow to its new name.
  private static func isOfDescriptor(_ path: String) -> Bool {
    ["/dev/fd/", "/dev/std", "/proc/"].contains { path.hasPrefix($0) }
  }

  private static func put(
    _ bytes: [UInt8], into file: String, named path: String, _ flags: Int32, _ mode: mode_t
  ) throws(FileError) {
    let descriptor = open(file, O_WRONLY | O_CLOEXEC | O_NOCTTY | flags, mode)
    guard descriptor >= 0 else { throw FileError("write", path) }
    let failure = writeAll(bytes, to: descriptor)
    // Network file systems tell here that the disk was full (close(2)).
    guard close(descriptor) == 0, failure == 0 else {
      throw FileError("write", path, code: failure == 0 ? errno : failure)
    }
  }

  /// Where links lead; the path itself where they lead nowhere yet.
  private static func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
