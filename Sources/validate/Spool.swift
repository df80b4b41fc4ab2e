import Common
import Files
import Glibc
import Index
import Logging

/// The directory that fetched and optimized files wait in, from which they are removed once nothing
/// needs them any more. A record is untrusted: nothing outside is ever removed, whatever it names.
struct Spool: Sendable {
  private let directory: String

  /// The spool in `directory`, which `fetch` may still have to make.
  init(directory: String) { self.directory = directory }

  /// Removes the files that the tools left for a document.
  func removeFiles(of record: DocumentRecord, _ logger: Logger) {
    let paths = [record.optimize?.path, record.fetch?.path].compactMap(\.self)
    for path in Set(paths) {
      switch removal(of: path) {
      case .notThere: break
      case .outside:
        logger.warning("\(record.label): \(path) is not in the spool and was left there")
      case .file(let file):
        if unlink(file) != 0, errno != ENOENT {
          logger.warning(
            "\(record.label): cannot remove \(file): \(String(cString: strerror(errno)))")
        }
      }
    }
  }

  private enum Removal {
    case notThere
    case outside
    case file(String)
  }

  private func removal(of path: String) -> Removal {
    guard !path.utf8.contains(0), let file = Self.resolved(path) else { return .notThere }
    guard let root = Self.resolved(directory) else { return .outside }
    var status = stat()
    guard file.utf8.starts(with: (root == "/" ? root : root + "/").utf8),
      lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG
    else { return .outside }
    return .file(file)
  }

  /// The path without links, `.` and `..`.
  private static func resolved(_ path: String) -> String? {
    guard !path.isEmpty, let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

/// Removes from the spool what a kill left there: files of documents that are settled, which nobody
/// will come back to. Those of documents that wait or are worked on, by whomever, stay.
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
