import Glibc

/// What the kernel says of a file, so that one that nobody touched since it was written need not be
/// read again.
///
/// While a system runs, no byte of a file changes without its change time (inode(7), ctime), which
/// nobody can set. A crash may lose what had not reached the disk; so the stamp names the run of the
/// system, and after a start of it no stamp matches. What is left are writes within the clock's tick
/// (4 ms) after the rename, and damage below the file system: `upload` digests what it sends, and
/// notices both.
package struct FileStamp: Equatable {
  /// Size in bytes.
  package let bytes: Int
  /// The run of the system, file system, inode and change time, in 64 bits; `nil` where there is no /proc.
  package let text: String?

  /// The stamp of a plain file; `nil` where there is none at `path`.
  package init?(path: String) {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    bytes = Int(status.st_size)
    let change = status.st_ctim
    text = Self.boot.map { boot in
      Self.text(
        boot, UInt64(status.st_dev), UInt64(status.st_ino),
        UInt64(truncatingIfNeeded: change.tv_sec), UInt64(truncatingIfNeeded: change.tv_nsec))
    }
  }

  /// Any other five numbers give the same in one of 2^64 cases: each step is one to one, and mixes all bits.
  private static func text(_ numbers: UInt64...) -> String {
    let sum = numbers.reduce(UInt64(0)) { sum, number in
      let product = (sum ^ number) &* 0x9E37_79B9_7F4A_7C15
      return product ^ product >> 32
    }
    return String(sum, radix: 36)
  }

  /// The stamp of an earlier version, which had the five numbers in words; `nil` for any other text.
  static func shorter(_ text: String) -> String? {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    let numbers = words.enumerated().compactMap { UInt64($1, radix: $0 == 0 ? 16 : 10) }
    guard words.count == 5, numbers.count == 5, words[0].utf8.count == 8 else { return nil }
    return self.text(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
  }

  /// random(4): made anew at each start of the system. Here eight of its digits: enough to tell one start
  /// from the next.
  private static let boot: UInt64? = {
    guard let file = fopen("/proc/sys/kernel/random/boot_id", "re") else { return nil }
    defer { fclose(file) }
    var line = [UInt8](repeating: 0, count: 8)
    guard fread(&line, 1, line.count, file) == line.count else { return nil }
    return UInt64(String(decoding: line, as: UTF8.self), radix: 16)
  }()
}
