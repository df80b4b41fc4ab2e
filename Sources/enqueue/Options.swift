import ArgumentParser
import CLI
import Common
import Index
import Config

/// How documents are claimed.
struct StreamingOptions: ParsableArguments {
  @Option(help: "Threads of fetch downstream; 20 documents are claimed at a time for each.")
  var workers = 5

  @Option(
    help: "How long a claim lasts when this process dies; it is renewed while it lives.",
    transform: { text in
      guard let seconds = Time.span(text), seconds >= 1 else {
        throw ValidationError("--lease has to be a time from 1s, like 600 or 10m, and is \(text)")
      }
      return seconds
    })
  var lease = 600.0

  @Flag(help: "End when nothing can be claimed now, without waiting for documents to come back.")
  var noWait = false

  func validate() throws {
    guard (1...256).contains(workers) else {
      throw ValidationError("--workers has to be a number from 1 to 256, and is \(workers)")
    }
  }
}

/// What to do instead of claiming.
struct ModeOptions: ParsableArguments {
  @Flag(
    help: "Write the records that a run would claim, or say what --migrate or --retry would do.")
  var dryRun = false

  @Flag(help: "Print how many documents are pending.")
  var count = false

  @Flag(help: "Print how many documents have which status.")
  var status = false

  @Flag(help: "Print the 20 most frequent types of the pending documents, tab-separated.")
  var types = false

  @Flag(help: "Print --count or --status as JSON, with the counts of all statuses.")
  var json = false

  @Flag(help: "Say on stderr what a run would find; ask whether to add what the index lacks.")
  var preflight = false

  @Flag(help: "Print the state folder of a run with this index, and its limiter, one a line.")
  var printState = false

  @Flag(help: "Set failed documents back to pending, attempts counted from 0.")
  var retry = false

  @Flag(help: "Create an empty index: a SQLite file, or the table in PostgreSQL.")
  var `init` = false

  @Flag(help: "Add what we need to a table that is there; made changes are not made again.")
  var migrate = false

  @Option(
    help: """
      Add documents from a file (.csv, .tsv, .json, .jsonl, also .gz; .xlsx; - for stdin) and end.
      """)
  var `import`: String?

  @Option(help: "Show the progress of an import on stderr.")
  var progress = ProgressMode.auto

  func validate() throws {
    let hasDryRun = migrate || retry || preflight
    let modes = [
      dryRun && !hasDryRun, count, status, types, preflight, printState, retry, `init`, migrate,
      `import` != nil,
    ]
    guard modes.count(where: \.self) <= 1 else {
      throw ValidationError(
        "only one of --dry-run, --count, --status, --types, --preflight, --retry, --init, --migrate "
          + "and --import at a time; --dry-run also goes with --preflight, --retry and --migrate")
    }
    if json, !count, !status {
      throw ValidationError("--json goes with --count or --status")
    }
  }

  /// The lines that answer the question, if one was asked.
  func answer(_ index: any DocumentIndex, _ selection: Selection) throws -> [String]? {
    if types { return CountsOutput.types(try index.typeCounts(selection, top: 20)) }
    guard count || status else { return nil }
    let counts = try index.counts(selection)
    if json { return [CountsOutput.json(counts)] }
    return status ? CountsOutput.table(counts) : [String(counts.upcoming(selection))]
  }
}
