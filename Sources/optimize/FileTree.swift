import Glibc

/// Directories with what is in them.
enum FileTree {
  /// What Ghostscript and its libraries make is not deep.
  private static let maximumDepth = 8

  /// The names in a directory that begin in this way; none where it cannot be read.
  static func names(in path: String, beginningWith prefix: String = "") -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(prefix), name != ".", name != ".." { names.append(name) }
    }
    return names
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
