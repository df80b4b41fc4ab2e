import Common
import Glibc

/// Directories with what is in them.
enum FileTree {
  /// What Ghostscript and its libraries make is not deep.
  private static let maximumDepth = 8

  /// The names in a directory that begin in this way; none where it cannot be read.
  static func names(in path: String, beginningWith prefix: String = "") -> [String] {
    Folders.names(in: path).filter { $0.hasPrefix(prefix) }
  }

  /// Removes a directory and all that is in it, as far as it can be removed.
  static func remove(_ path: String) {
    removeContents(of: path)
    rmdir(path)
  }

  static func removeContents(of path: String, depth: Int = 0) {
    for name in names(in: path) {
      let entry = "\(path)/\(name)"
      if unlink(entry) == 0 || depth == maximumDepth { continue }
      removeContents(of: entry, depth: depth + 1)
      rmdir(entry)
    }
  }
}
