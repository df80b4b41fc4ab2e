import Glibc

/// Directories as the tools make and read them.
package enum Folders {
  /// The names in a directory, in no order; none where it cannot be read.
  package static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Makes a directory, and those above it, for the user alone. Returns 0, also where it is there, or why not
  /// (mkdir(2)).
  package static func make(_ path: String) -> Int32 {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return 0 }
    if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      let failure = make(String(path[..<slash]))
      guard failure == 0 else { return failure }
      if mkdir(path, 0o700) == 0 || errno == EEXIST { return 0 }
    }
    return errno
  }
}

/// Directories with what is in them.
package enum FileTree {
  /// What Ghostscript and its libraries make is not deep.
  private static let maximumDepth = 8

  /// The names in a directory that begin in this way; none where it cannot be read.
  package static func names(in path: String, beginningWith prefix: String = "") -> [String] {
    Folders.names(in: path).filter { $0.hasPrefix(prefix) }
  }

  /// Removes a directory and all that is in it, as far as it can be removed.
  package static func remove(_ path: String) {
    removeContents(of: path)
    rmdir(path)
  }

  package static func removeContents(of path: String, depth: Int = 0) {
    for name in names(in: path) {
      let entry = "\(path)/\(name)"
      if unlink(entry) == 0 || depth == maximumDepth { continue }
      removeContents(of: entry, depth: depth + 1)
      rmdir(entry)
    }
  }
}

package enum TextFile {
  /// The lines of a small file (up to 64 KiB) without their ends; empty where it cannot be read.
  package static func lines(_ path: String) -> [String] {
    guard let file = fopen(path, "re") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
      .split(separator: "\n").map(String.init)
  }
}

/// The mark that Windows puts before UTF-8: U+FEFF, which is no part of the text.
package enum ByteOrderMark {
  /// How it reads in UTF-8.
  package static let utf8: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// The bytes without it.
  package static func dropped(from bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    bytes.starts(with: utf8) ? bytes.dropFirst(utf8.count) : bytes
  }
}
