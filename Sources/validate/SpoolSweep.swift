import Common
import Files
import Glibc
import Index
import Logging

/// Removes from the spool what a kill left there: files of documents that are settled, which no run
/// will come back to. Those of documents that wait or are worked on, by any run, stay.
struct SpoolSweep {
  /// Documents in one question to the index.
  private static let batch = 1000

  /// A file as it was when it was found.
  fileprivate struct File {
    let id: String
    let path: String
    let inode: ino_t
    let changed: timespec
  }

  let directory: String
  let index: any DocumentIndex
  let logger: Logger

  /// Returns how many files were removed. Throws where the index cannot be asked.
  @discardableResult
  func run() throws -> Int {
    var removed = 0
    var found: [File] = []
    for folder in Folders.names(in: directory) where !folder.hasPrefix(".") {
      for name in Folders.names(in: "\(directory)/\(folder)") {
        guard let file = Self.file(name, in: "\(directory)/\(folder)") else { continue }
        found.append(file)
        if found.count == Self.batch { removed += try remove(&found) }
      }
    }
    removed += try remove(&found)
    if removed > 0 { logger.info("removed \(removed) files of settled documents from the spool") }
    return removed
  }

  private func remove(_ found: inout [File]) throws -> Int {
    defer { found = [] }
    let statuses = try index.statuses(of: Array(Set(found.map(\.id))))
    return found.count { file in
      guard [.completed, .failed].contains(statuses[file.id]), file.isUnchanged,
        unlink(file.path) == 0
      else { return false }
      return true
    }
  }

  /// `1842/184223.pdf` and `1842/184223.optimized.pdf`; `nil` for anything else.
  private static func file(_ name: String, in folder: String) -> File? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.dropFirst() == ["pdf"] || parts.dropFirst() == ["optimized", "pdf"],
      !parts[0].isEmpty, parts[0].utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    let path = "\(folder)/\(name)"
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return File(id: String(parts[0]), path: path, inode: status.st_ino, changed: status.st_ctim)
  }
}

extension SpoolSweep.File {
  /// A document that was set back meanwhile may have been fetched again, to the same name.
  fileprivate var isUnchanged: Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_ino == inode
      && status.st_ctim.tv_sec == changed.tv_sec && status.st_ctim.tv_nsec == changed.tv_nsec
  }
}
