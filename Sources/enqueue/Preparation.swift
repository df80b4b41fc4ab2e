import Common
import Glibc
import Index
import Config

extension ModeOptions {
  /// `--init` and `--migrate`: makes the index ready, and says on stderr what was done.
  func prepare(_ url: String, stop: ShutdownSignal) throws -> ToolExit {
    let changes: [String]
    switch try IndexURL(url) {
    case .sqlite(let path):
      if dryRun {
        changes = try SQLiteIndex.plan(path: path)
      } else {
        changes = try SQLiteIndex(path: path, creating: true).mend().map { "set \($0)" }
        say("\(path) is ready")
      }
    case .postgres(let url):
      let migration = try PostgresMigration(url: url, stop: stop)
      changes =
        dryRun
        ? try migration.plan() : try migration.run(creating: `init`).map { "made \($0)" }
    }
    for change in changes { say(change) }
    if changes.isEmpty { say("nothing to change") }
    return .success
  }

  /// `--retry`: sets failed documents back to pending, and says on stderr how many.
  func requeue(_ selection: Selection, in index: any DocumentIndex) throws -> ToolExit {
    let count = dryRun ? try index.counts(selection).retriable : try index.requeueFailed(selection)
    let documents = count == 1 ? "1 failed document" : "\(count) failed documents"
    say(
      dryRun
        ? "would set \(documents) back to pending" : "set \(documents) back to pending")
    return .success
  }

  private func say(_ line: String) {
    Console.write("enqueue: \(Format.printable(line))\n")
  }
}
