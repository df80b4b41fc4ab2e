import Files
import Crypto
import Glibc
import Synchronization

/// Makes the directories of a store so that a power cut does not take them away again: a new name is
/// durable when its directory was synced.
final class Directories: Sendable {
  /// Directories that are remembered; a template may make one for each document.
  private static let memory = 10_000

  private let root: String
  private let durable = Mutex<Set<String>>([])

  init(root: String) { self.root = root }

  /// Makes a directory beneath the root, or the root, with all that leads there.
  func make(_ path: String) throws(FileError) {
    if path == "/" || durable.withLock({ $0.contains(path) }) { return }
    let isBeneathRoot = path.utf8.count > root.utf8.count
    if isBeneathRoot { try make(Self.parent(of: path)) }
    var isNew = mkdir(path, 0o755) == 0
    if !isNew, errno == ENOENT, !isBeneathRoot {
      try make(Self.parent(of: path))
      isNew = mkdir(path, 0o755) == 0
    }
    guard isNew || errno == EEXIST else { throw FileError("create the directory", path) }
    // One that is there may have been made a moment ago, by someone who has not synced it yet.
    if isNew || isBeneathRoot { try Self.sync(Self.parent(of: path)) }
    durable.withLock {
      if $0.count >= Self.memory { $0.removeAll() }
      $0.insert(path)
    }
  }

  /// Waits until a directory's names, or a file's bytes, are on the disk.
  static func sync(_ path: String) throws(FileError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw FileError("open", path) }
    defer { close(descriptor) }
    if fsync(descriptor) == 0 { return }
    // Some network file systems know no sync of directories, and need none (fsync(2), EINVAL).
    if errno == EINVAL || errno == EOPNOTSUPP { return }
    throw FileError("sync", path)
  }

  /// The directory that a path is in.
  static func parent(of path: String) -> String {
    let segments = path.utf8.split(separator: UInt8(ascii: "/")).dropLast()
    return "/" + segments.map { String(Substring($0)) }.joined(separator: "/")
  }
}
