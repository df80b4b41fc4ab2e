import Files
import Common
import Crypto
import Glibc

/// A file in the making in the directory of its place; gone when this is, unless it was published.
///
/// It has no name where the file system can make such files (open(2), O_TMPFILE: ext4, XFS, Btrfs,
/// tmpfs), so that not even `kill -9` leaves anything behind; elsewhere a temporary one.
struct PartFile: ~Copyable {
  /// How temporary names begin and end.
  static let prefix = ".conveyor-"
  static let suffix = ".part"
  /// `__O_TMPFILE` of Linux, on all processors that Swift knows; Swift does not see the macro.
  private static let withoutName = 0o20_000_000 | O_DIRECTORY

  private let directory: String
  private let path: String
  private let descriptor: Int32
  private let isNamed: Bool

  init(in directory: String) throws {
    self.directory = directory
    let unnamed = open(directory, O_WRONLY | Self.withoutName | O_CLOEXEC, 0o644)
    if unnamed >= 0, access("/proc/self/fd/\(unnamed)", F_OK) == 0 {
      (descriptor, path, isNamed) = (unnamed, "/proc/self/fd/\(unnamed)", false)
      return
    }
    if unnamed >= 0 { close(unnamed) }
    path = Self.temporaryName(in: directory)
    isNamed = true
    // Another process that may write into the directory cannot put a link in its way: O_EXCL.
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError("create", path).atDestination }
  }

  deinit {
    if isNamed { unlink(path) }
    close(descriptor)
  }

  private static func temporaryName(in directory: String) -> String {
    let name = String(UInt64.random(in: .min ... .max), radix: 16)
    return "\(directory == "/" ? "" : directory)/\(prefix)\(name)\(suffix)"
  }

  private var title: String { isNamed ? path : "a file in \(directory)" }

  func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes
    while !rest.isEmpty {
      let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if written >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
      } else if errno != EINTR {
        throw FileError("write", title)
      }
    }
  }

  /// Waits until the bytes are on the disk. A failure is final: after one, Linux marks the pages
  /// clean, and a second fsync(2) would succeed without having written anything.
  func sync() throws {
    guard fsync(descriptor) == 0 else { throw FileError("sync", title).atDestination }
  }

  /// Gives the file its name. False where the name is taken and `replacing` is not asked for.
  consuming func publish(as name: String, replacing: Bool) throws -> Bool {
    if replacing {
      try replace(name)
      return true
    }
    if link(as: name) { return true }
    switch errno {
    case EEXIST: return false
    case EPERM, EOPNOTSUPP, ENOSYS:
      throw Fatal(
        .configuration,
        """
        \(FileError("link", name)): the store needs a file system with hard links, to publish files \
        without ever replacing one
        """)
    default: throw FileError("link", name).atDestination
    }
  }

  /// Links cannot replace; a name of its own can be renamed over another.
  private borrowing func replace(_ name: String) throws {
    let temporary = isNamed ? path : Self.temporaryName(in: directory)
    guard isNamed || link(as: temporary) else {
      throw FileError("create", temporary).atDestination
    }
    guard rename(temporary, name) == 0 else {
      let error = FileError("replace", name).atDestination
      unlink(temporary)
      throw error
    }
  }

  private borrowing func link(as name: String) -> Bool {
    linkat(AT_FDCWD, path, AT_FDCWD, name, isNamed ? 0 : AT_SYMLINK_FOLLOW) == 0
  }
}
