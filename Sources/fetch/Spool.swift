import Files
import Common
import Crypto
import Glibc

/// Where fetched documents wait for the next tool: `SPOOL/1842/184223.pdf`.
struct Spool: Sendable {
  let root: String

  /// Makes the directories, and removes what killed processes left half done; with `isDryRun` neither.
  init(root: String, isDryRun: Bool = false) throws(Fatal) {
    self.root = root
    if isDryRun { return }
    try Self.makeDirectories(partDirectory)
    for name in Folders.names(in: partDirectory) {
      let owner = name.split(separator: "-").first.flatMap { Int32($0) }
      if let owner, kill(owner, 0) == 0 || errno != ESRCH { continue }
      unlink("\(partDirectory)/\(name)")
    }
  }

  private var partDirectory: String { "\(root)/.part" }
  private static let process = getpid()

  /// The place of a document, whatever its id looks like: never outside the spool.
  func path(of id: String) -> String { "\(root)/\(relativePath(of: id))" }

  /// The same, seen from the spool.
  func relativePath(of id: String) -> String {
    let name = Self.fileName(id)
    guard Self.isNumber(id) else { return "\(Digest.sha256(id.utf8).prefix(2))/\(name).pdf" }
    let folder = id.utf8.count > 2 ? id.dropLast(2) : "0"
    return "\(folder.suffix(100))/\(name).pdf"
  }

  /// A file name for any id: other ids have other names.
  static func fileName(_ id: String) -> String {
    if isNumber(id), id.utf8.count <= 150 { return id }
    var name = Format.percentEncoded(id)
    if name.hasPrefix(".") { name = "%2E" + name.dropFirst() }
    guard name.utf8.count > 150 else { return name }
    return name.prefix(60) + "-" + Digest.sha256(id.utf8)
  }

  private static func isNumber(_ id: String) -> Bool {
    id.utf8.allSatisfy { (0x30...0x39).contains($0) }
  }

  /// A name for a file that is being written: known as this process's, should it be killed.
  func partPath(worker: Int, number: Int) -> String {
    "\(partDirectory)/\(Self.process)-\(worker)-\(number).pdf"
  }

  /// Gives a finished file its final name.
  func move(_ part: String, to path: String) throws {
    if rename(part, path) == 0 { return }
    if errno == ENOENT, let slash = path.lastIndex(of: "/") {
      try Self.makeDirectories(String(path[..<slash]))
      if rename(part, path) == 0 { return }
    }
    let failure = FileError("rename", path)
    if failure.code == ENOENT, access(part, F_OK) != 0 {
      throw RecordError(.local, "\(part) was removed from the spool before it was finished")
    }
    throw Fatal(.inputOutput, "\(failure)")
  }

  /// Makes a directory and those above it, for the owner alone.
  static func makeDirectories(_ path: String) throws(Fatal) {
    errno = Folders.make(path)
    guard errno != 0 else { return }
    throw Fatal(.inputOutput, "\(FileError("make the directory", path))")
  }
}
