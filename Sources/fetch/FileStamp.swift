import Glibc

/// What the kernel says of a file, so that one that nobody touched since it was written need not be
/// read again.
///
/// While a system runs, no byte of a file changes without its change time (inode(7), ctime), which
/// nobody can set. A crash may lose what had not reached the disk; so the stamp names the run of the
/// system, and after a start of it no stamp matches. What is left are writes within the clock's tick
/// (4 ms) after the rename, and damage below the file system: `upload` digests what it sends, and
/// notices both.
struct FileStamp: Equatable {
  /// Size in bytes.
  let bytes: Int
  /// The run of the system, file system, inode and change time; `nil` where there is no /proc.
  let text: String?

  /// The stamp of a plain file; `nil` where there is none at `path`.
  init?(path: String) {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    bytes = Int(status.st_size)
    let change = status.st_ctim
    text = Self.boot.map {
      "\($0) \(status.st_dev) \(status.st_ino) \(change.tv_sec) \(change.tv_nsec)"
    }
  }

  /// random(4): made anew at each start of the system. Here eight of its digits: enough to tell one start
  /// from the next.
  private static let boot: String? = {
    guard let file = fopen("/proc/sys/kernel/random/boot_id", "re") else { return nil }
    defer { fclose(file) }
    var line = [UInt8](repeating: 0, count: 8)
    guard fread(&line, 1, line.count, file) == line.count else { return nil }
    return String(decoding: line, as: UTF8.self)
  }()
}
