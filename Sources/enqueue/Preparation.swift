import Common
import Glibc
import Index

extension ModeOptions {
  /// `--init` and `--migrate`: makes the index ready, and says on stderr what was done.
  func prepare(_ url: String) throws -> ExitCode {
    switch try IndexURL(url) {
    case .sqlite(let path):
      // A file is brought up to date whenever it is opened for an import.
      guard !dryRun else {
        throw Fatal(.usage, "--migrate --dry-run is for an index in PostgreSQL")
      }
      _ = try SQLiteIndex(path: path, creating: true)
      say("\(path) is ready")
    case .postgres(let url):
      let changes = try PostgresMigration(url: url).run(isDryRun: dryRun, creating: `init`)
      for change in changes { say("\(dryRun ? "would make" : "made") \(change)") }
      if changes.isEmpty { say("nothing to change") }
    }
    return .success
  }

  private func say(_ line: String) {
    _ = writeAll(Array("enqueue: \(Format.printable(line))\n".utf8), to: STDERR_FILENO)
  }
}
