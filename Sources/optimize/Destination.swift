import Common
import Glibc
import Subprocesses
import Synchronization

/// Where results go: beside their sources, or all into one directory.
final class Destination: Sendable {
  static let ending = ".optimized.pdf"

  /// The directory for all results, and when this run began, by the clock of its file system.
  private let shared: (path: String, start: timespec)?
  /// Held while a name is looked for and taken.
  private let naming = Mutex(())

  /// `directory` is made if it is missing.
  init(directory: String?) throws(Fatal) {
    guard var directory else {
      shared = nil
      return
    }
    while directory.hasSuffix("/"), directory != "/" { directory.removeLast() }
    try Self.make(directory)
    // A look at what it will be like: it is writable, and clean of what dead processes left.
    do throws(Workspace.Failure) {
      shared = (directory, try Workspace(in: directory).birth())
    } catch {
      throw error.fatal
    }
  }

  /// Whether all results go into one directory.
  var isShared: Bool { shared != nil }

  /// The directory of the result of `source`.
  func directory(for source: String) -> String { shared?.path ?? Self.split(source).directory }

  /// Gives a finished result its name and returns it. Throws the system's error.
  ///
  /// Sources of the same name from different directories meet in one `--output-dir`; a name that
  /// this run has given away already is numbered. One from an earlier run is replaced.
  func publish(_ result: String, of source: String) throws(Launch.Failure) -> String {
    Self.copyPermissions(of: source, to: result)
    let (directory, file) = Self.split(source)
    let stem = file.lowercased().hasSuffix(".pdf") ? String(file.dropLast(4)) : file
    guard let shared else {
      return try Self.move(result, to: Self.join(directory, stem + Self.ending))
    }
    let named = naming.withLock { _ in
      Result { () throws(Launch.Failure) -> String in
        var name = Self.join(shared.path, stem + Self.ending)
        var number = 1
        while Self.isTaken(name, since: shared.start) {
          number += 1
          name = Self.join(shared.path, "\(stem)-\(number)\(Self.ending)")
        }
        return try Self.move(result, to: name)
      }
    }
    return try named.get()
  }

  /// A result must not be readable by more users than its source (the spool is readable by its owner alone).
  private static func copyPermissions(of source: String, to result: String) {
    var status = stat()
    if stat(source, &status) == 0 { chmod(result, status.st_mode & 0o666) }
  }

  private static func isTaken(_ path: String, since start: timespec) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0 else { return false }
    // The change time is that of the rename.
    let changed = status.st_ctim
    return (changed.tv_sec, changed.tv_nsec) >= (start.tv_sec, start.tv_nsec)
  }

  private static func move(
    _ result: String, to path: String
  ) throws(Launch.Failure) -> String {
    guard rename(result, path) == 0 else { throw Launch.Failure(code: errno) }
    return path
  }

  private static func split(_ path: String) -> (directory: String, file: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let directory = slash == path.startIndex ? "/" : String(path[..<slash])
    return (directory, String(path[path.index(after: slash)...]))
  }

  private static func join(_ directory: String, _ file: String) -> String {
    directory == "." ? file : directory == "/" ? "/\(file)" : "\(directory)/\(file)"
  }

  private static func make(_ path: String) throws(Fatal) {
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      made += "/\(part)"
      guard mkdir(made, 0o777) == 0 || errno == EEXIST else {
        let code = errno
        throw Fatal(
          code == EACCES || code == EPERM ? .permission : .inputOutput,
          "cannot create the directory \(path): \(String(cString: strerror(code)))")
      }
    }
  }
}
