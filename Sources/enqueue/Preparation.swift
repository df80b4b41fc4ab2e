import Common
import Glibc
import Index
import Stages

extension ModeOptions {
  /// `--init` and `--migrate`: makes the index ready, and says on stderr what was done.
  func prepare(_ url: String, stop: Stop) throws -> ExitCode {
    switch try IndexURL(url) {
    case .sqlite(let path):
      // A file is brought up to date whenever it is opened for an import.
      guard !dryRun else {
        throw Fatal(.usage, "--migrate --dry-run is for an index in PostgreSQL")
      }
      _ = try SQLiteIndex(path: path, creating: true)
      say("\(path) is ready")
    case .postgres(let url):
      let changes = try PostgresMigration(url: url, stop: stop)
        .run(isDryRun: dryRun, creating: `init`)
      for change in changes { say("\(dryRun ? "would make" : "made") \(change)") }
      if changes.isEmpty { say("nothing to change") }
    }
    return .success
  }

  /// `--retry`: sets failed documents back to pending, and says on stderr how many.
  func bringBack(_ selection: Selection, in index: any DocumentIndex) throws -> ExitCode {
    let count = dryRun ? try index.counts(selection).failed : try index.reviveFailed(selection)
    let documents = count == 1 ? "1 failed document" : "\(count) failed documents"
    say(
      dryRun
        ? "would set \(documents) back to pending" : "set \(documents) back to pending")
    return .success
  }

  private func say(_ line: String) {
    _ = writeAll(Array("enqueue: \(Format.printable(line))\n".utf8), to: STDERR_FILENO)
  }
}
