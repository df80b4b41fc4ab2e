import Files
import Common
import Crypto
import Glibc

/// Names of files, one by one, as bytes: a name need not be UTF-8. Belongs to the thread that holds its lock.
struct PathSource {
  private enum Kind {
    case lines(LineReader)
    /// Names that are still to come, the next one last, of all directories on the way down.
    case tree([[UInt8]])
  }

  private var kind: Kind
  /// Links that were passed over.
  private(set) var links = 0

  /// A file, a directory with all in it, or `-` for a name a line from standard input. Throws where it
  /// is not there.
  init(_ place: String, stop: ShutdownSignal) throws(Fatal) {
    if place == "-" {
      kind = .lines(LineReader(descriptor: STDIN_FILENO, stop: stop, grace: 0))
      return
    }
    guard access(place, F_OK) == 0 else {
      throw Fatal(.configuration, "\(FileError("find", Format.printable(place)))")
    }
    // A link that was named is meant; those beneath are not followed, so that no loop is.
    var status = stat()
    let isDirectory = stat(place, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    kind = .tree([Array(place.utf8) + (isDirectory ? [Self.slash] : [])])
  }

  private static let slash = UInt8(ascii: "/")

  /// The next one; `nil` at the end. A folder that may not be read comes as itself, with a slash. Throws where reading
  /// fails otherwise.
  mutating func next() throws(Fatal) -> [UInt8]? {
    switch kind {
    case .lines(var reader):
      defer { kind = .lines(reader) }
      while let line = try reader.next() {
        switch line {
        case .line(let bytes): if !bytes.isEmpty { return bytes }
        case .tooLong(let prefix): return prefix
        }
      }
      return nil
    case .tree(var names):
      kind = .tree([])
      defer { kind = .tree(names) }
      while let name = names.popLast() {
        guard name.last == Self.slash, let found = try children(of: name) else { return name }
        names += found
      }
      return nil
    }
  }

  /// What is in a directory, in reverse order; hidden names are passed over. `nil` where it may not be read, or is not
  /// there any more: that is one folder's own matter.
  private mutating func children(of directory: [UInt8]) throws(Fatal) -> [[UInt8]]? {
    guard let stream = opendir(directory.map { CChar(bitPattern: $0) } + [0]) else {
      let error = failure(directory)
      if [EACCES, EPERM, ENOENT, ENAMETOOLONG].contains(error.code) { return nil }
      throw Fatal(.inputOutput, "\(error)")
    }
    defer { closedir(stream) }
    var found: [[UInt8]] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name.first != UInt8(ascii: ".") { add(directory + name, to: &found) }
      errno = 0
    }
    guard errno == 0 else { throw Fatal(.inputOutput, "\(failure(directory))") }
    return found.sorted { $1.lexicographicallyPrecedes($0) }
  }

  private mutating func add(_ path: [UInt8], to found: inout [[UInt8]]) {
    var status = stat()
    guard lstat(path.map { CChar(bitPattern: $0) } + [0], &status) == 0 else { return }
    switch status.st_mode & S_IFMT {
    case S_IFLNK: links += 1
    case S_IFDIR: found.append(path + [Self.slash])
    default: found.append(path)
    }
  }

  private func failure(_ directory: [UInt8]) -> FileError {
    let code = errno
    let name = Format.printable(String(decoding: directory, as: UTF8.self))
    return FileError("list", name, code: code)
  }
}
