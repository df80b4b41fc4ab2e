import Files
import Common
import Glibc

/// A private directory (mode 0700) beside where the result is to be, so that putting it there is a
/// rename. Owns the directory: letting go of the value removes it.
///
/// Its user holds a lock on it (flock(2)), which the system releases when the process dies, however
/// it dies. So a directory that can be locked was left by a dead process, and is removed.
struct Workspace: ~Copyable {
  /// How their names begin.
  static let prefix = ".optimize-"

  /// The directory that it is in.
  let parent: String
  /// Its absolute path.
  let path: String
  private let lock: Int32

  /// Why there can be none.
  struct Failure: Error, CustomStringConvertible {
    let directory: String
    let code: Int32

    /// Whether only this directory is not writable.
    var isOfPlace: Bool { code == EROFS || !HostError.isLocal(code) }

    var description: String {
      "cannot create a private directory in \(directory): \(String(cString: strerror(code)))"
    }

    /// As the end of a run.
    var fatal: Fatal {
      Fatal(code == EACCES || code == EPERM ? .permission : .inputOutput, description)
    }
  }

  /// Removes what dead processes left in `parent`, and makes a directory there.
  init(in parent: String) throws(Failure) {
    self.parent = parent
    guard let resolved = realpath(parent, nil) else { throw Self.failure(parent) }
    let absolute = String(cString: resolved)
    free(resolved)
    Self.sweep(absolute)
    while true {
      var template = Array("\(absolute)/\(Self.prefix)XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else { throw Self.failure(parent) }
      let path = template.withUnsafeBufferPointer {
        $0.baseAddress.map { String(cString: $0) } ?? ""
      }
      if let lock = Self.lock(path) {
        self.path = path
        self.lock = lock
        return
      }
      // Another process took it for a dead one's before it was locked, and removes it.
      if errno != EWOULDBLOCK, errno != ENOENT { throw Self.failure(parent) }
    }
  }

  deinit {
    FileTree.remove(path)
    close(lock)
  }

  /// Whether it still has its name.
  var isThere: Bool {
    var status = stat()
    return fstat(lock, &status) == 0 && status.st_nlink > 0
  }

  /// When it was made, by the clock of its file system.
  borrowing func birth() -> timespec {
    var status = stat()
    return fstat(lock, &status) == 0 ? status.st_ctim : timespec()
  }

  /// Opens and locks a private directory. `nil`, with `errno`, where another process has it.
  private static func lock(_ path: String) -> Int32? {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    var opened = stat()
    var named = stat()
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK {
      // Between open and flock it may have been removed. (A file system without locks never
      // answers EWOULDBLOCK; there, nothing is swept.)
      if fstat(descriptor, &opened) == 0, lstat(path, &named) == 0, opened.st_ino == named.st_ino,
        opened.st_uid == geteuid()
      {
        return descriptor
      }
      errno = ENOENT
    }
    let reason = errno
    close(descriptor)
    errno = reason
    return nil
  }

  /// Removes the directories of dead processes.
  private static func sweep(_ parent: String) {
    for name in FileTree.names(in: parent, beginningWith: prefix) {
      let path = "\(parent)/\(name)"
      guard let descriptor = lock(path) else { continue }
      FileTree.remove(path)
      close(descriptor)
    }
  }

  private static func failure(_ directory: String) -> Failure {
    Failure(directory: directory, code: errno)
  }
}
