import Glibc
import Logging

/// The directory that fetched and optimized files wait in, from which they are removed once nothing
/// needs them any more. A record is untrusted: nothing outside is ever removed, whatever it names.
package struct SpoolFiles: Sendable {
  private let directory: String

  /// The spool in `directory`, which `fetch` may still have to make.
  package init(directory: String) { self.directory = directory }

  /// Removes the files that the tools left for a document.
  package func removeFiles(of record: DocumentRecord, _ logger: Logger) {
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
