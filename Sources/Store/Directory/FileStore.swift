import Files
import Common
import Crypto
import Glibc

/// A directory tree used like a bucket: what a key names is there whole or not at all (promise P7),
/// and is never replaced by other content unless that was asked for (P8).
///
/// A file is copied beside its place, synced, and linked to its name; link(2) is atomic and fails
/// where the name is taken. Metadata have no place in a directory and are left out.
struct FileStore: ObjectStore {
  /// Longest name of a file or directory on the file systems of Linux, in bytes (NAME_MAX).
  static let maximumSegment = 255

  let root: String
  private let directories: Directories
  private let mount = RootWatch()

  /// A store in `root`, which is made when the first object comes. Relative paths are taken from
  /// the working directory, `.` and `..` as in a URL (RFC 3986, section 5.2.4).
  init(root: String) throws(Fatal) {
    self.root = try Self.absolute(root)
    directories = Directories(root: self.root)
    var status = stat()
    let isThere = stat(self.root, &status) == 0
    let isWrong = isThere ? status.st_mode & S_IFMT != S_IFDIR : errno == ENOTDIR
    if isWrong {
      throw Fatal(.configuration, "the store \(self.root) is not a directory")
    }
    try mount.look(at: self.root)
  }

  private static func absolute(_ path: String) throws(Fatal) -> String {
    guard !path.utf8.contains(0) else {
      throw Fatal(.configuration, "the store's path has a NUL character")
    }
    var whole = path
    if !path.utf8.starts(with: "/".utf8) {
      guard let current = getcwd(nil, 0) else {
        throw Fatal(.inputOutput, "\(FileError("find", "the working directory"))")
      }
      defer { free(current) }
      whole = String(cString: current) + "/" + path
    }
    var segments: [Substring] = []
    for segment in whole.utf8.split(separator: UInt8(ascii: "/")).map(Substring.init) {
      switch segment {
      case ".": break
      case "..": _ = segments.popLast()
      default: segments.append(segment)
      }
    }
    return "/" + segments.joined(separator: "/")
  }

  func url(of key: ObjectKey) throws -> String { FileURL.url(ofPath: try path(of: key)) }

  private func path(of key: ObjectKey) throws(RecordError) -> String {
    if let long = key.segments.first(where: { $0.utf8.count > Self.maximumSegment }) {
      throw RecordError(
        .storeRejected,
        "a part of the key is \(long.utf8.count) bytes long, and \(Self.maximumSegment) are allowed"
          + ": \(Format.quoted(long))")
    }
    return root == "/" ? "/" + key.text : root + "/" + key.text
  }

  func put(
    _ file: SourceFile, at key: ObjectKey, metadata: [String: String], overwrite: Bool
  ) throws -> StoredObject {
    let path = try path(of: key)
    try mount.look(at: root)
    if let found = try digest(at: path) {
      let bytes = try file.content(also: .md5)
      if found == bytes { return try alreadyThere(bytes, path) }
      guard overwrite else { throw conflict(at: path, found, bytes) }
    }
    let directory = Directories.parent(of: path)
    let bytes: FileDigest
    do throws(FileError) {
      try directories.make(directory)
    } catch { throw error.atDestination }
    try mount.look(at: root)
    let part = try PartFile(in: directory)
    bytes = try file.content(also: .md5) { chunk throws(FileError) in try part.write(chunk) }
    try part.sync()
    let isPublished = try part.publish(as: path, replacing: overwrite)
    guard isPublished else {
      // Somebody else was quicker; perhaps with the same document.
      guard let found = try digest(at: path), found == bytes else {
        throw conflict(at: path, nil, bytes)
      }
      return try alreadyThere(bytes, path)
    }
    try sync(directory)
    return object(bytes, path, isSkipped: false)
  }

  func create() throws -> String? {
    guard access(root, F_OK) != 0 else { return nil }
    do throws(FileError) { try directories.make(root) } catch { throw error.atDestination }
    return "the directory \(root)"
  }

  /// Nothing is written: rights can be asked for.
  func check(_ plan: CheckPlan) throws -> StoreCheck {
    var place = root
    while access(place, F_OK) != 0, place != "/" { place = Directories.parent(of: place) }
    guard access(place, W_OK | X_OK) == 0 else {
      throw Fatal(.permission, "\(FileError("write into", place)): the store is \(root)")
    }
    return StoreCheck([place == root ? "\(root) can be written" : "\(root) will be made"])
  }

  func info(at url: String) throws -> ObjectInfo? {
    guard let path = FileURL.path(of: url) else {
      throw RecordError(.storeRejected, "\(Format.quoted(url)) is not the URL of a file")
    }
    guard root == "/" || path.utf8.starts(with: (root + "/").utf8) else {
      throw RecordError(.storeRejected, "\(Format.quoted(url)) is not in the store \(root)")
    }
    do {
      if let found = try digest(at: path) {
        return ObjectInfo(bytes: found.bytes, sha256: found.sha256, md5: found.md5)
      }
    } catch let error as Fatal where error.code == .inputOutput {
      // One object that cannot be read must not end a run that could check all others.
      throw RecordError(.storeUnavailable, error.message)
    }
    try expectFolder(of: path)
    return nil
  }

  /// A file that is not there is missing only where the store itself is: what was unmounted, or moved away,
  /// says nothing about a document.
  private func expectFolder(of path: String) throws {
    try mount.look(at: root)
    guard access(root, F_OK) == 0 else {
      throw Fatal(.inputOutput, "\(FileError("look into", root)): is the store mounted?")
    }
    guard root == "/" else { return }
    // Where the store begins is not known here; but the folder of a document was made with it.
    let folder = Directories.parent(of: path)
    guard access(folder, F_OK) == 0 else {
      throw RecordError(
        .storeUnavailable, "\(FileError("look into", folder)): is the store mounted?")
    }
  }

  /// What is under a name; `nil` where nothing is. A link, a directory or a device is a conflict.
  private func digest(at path: String) throws -> FileDigest? {
    do throws(FileError) {
      guard let file = try RegularFile.open(path, following: false) else {
        throw FileError("use", path, code: EISDIR)
      }
      return try FileDigest(descriptor: file.descriptor, path: path, also: .md5)
    } catch {
      if error.code == ENOENT { return nil }
      throw error.atDestination
    }
  }

  /// The process that made it may have died between its link and the sync of the directory.
  private func alreadyThere(_ bytes: FileDigest, _ path: String) throws -> StoredObject {
    try sync(path)
    try sync(Directories.parent(of: path))
    return object(bytes, path, isSkipped: true)
  }

  private func sync(_ path: String) throws {
    do throws(FileError) { try Directories.sync(path) } catch { throw error.atDestination }
  }

  private func object(_ content: FileDigest, _ path: String, isSkipped: Bool) -> StoredObject {
    StoredObject(
      url: FileURL.url(ofPath: path), bytes: content.bytes, sha256: content.sha256,
      md5: content.md5, isSkipped: isSkipped)
  }

  private func conflict(at path: String, _ found: FileDigest?, _ sent: FileDigest) -> RecordError {
    func text(_ content: FileDigest) -> String {
      "\(Format.count(content.bytes)) bytes, SHA-256 \(content.sha256.prefix(12))…"
    }
    return .conflict(path, found: found.map(text), sent: text(sent))
  }
}
