import Common
import Digest
import Glibc

/// A file in the making beside its place; owns its descriptor and its temporary name, which is gone
/// when this is.
struct PartFile: ~Copyable {
  /// How temporary names begin and end.
  static let prefix = ".conveyor-"
  static let suffix = ".part"

  private let path: String
  private let descriptor: Int32

  init(in directory: String) throws {
    let name = String(UInt64.random(in: .min ... .max), radix: 16)
    path = "\(directory == "/" ? "" : directory)/\(Self.prefix)\(name)\(Self.suffix)"
    // Nobody who may write into the directory can put a link in its way: O_EXCL.
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError("create", path).atDestination }
  }

  deinit {
    close(descriptor)
    unlink(path)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes
    while !rest.isEmpty {
      let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if written >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
      } else if errno != EINTR {
        throw FileError("write", path)
      }
    }
  }

  /// Waits until the bytes are on the disk. A failure is final: after one, Linux marks the pages
  /// clean, and a second fsync(2) would succeed without having written anything.
  func sync() throws {
    guard fsync(descriptor) == 0 else { throw FileError("sync", path).atDestination }
  }

  /// Gives the file its name. False where the name is taken and `replacing` is not asked for.
  consuming func publish(as name: String, replacing: Bool) throws -> Bool {
    if replacing {
      guard rename(path, name) == 0 else { throw FileError("replace", name).atDestination }
      return true
    }
    if link(path, name) == 0 { return true }
    switch errno {
    case EEXIST: return false
    case EPERM, EOPNOTSUPP, ENOSYS:
      throw Fatal(
        .configuration,
        "\(FileError("link", name)): the store needs a file system with hard links, to publish files "
          + "without ever replacing one")
    default: throw FileError("link", name).atDestination
    }
  }
}
