import ArgumentParser
import CLI
import Common
import Index
import Stages

/// Which documents.
struct SelectionOptions: ParsableArguments {
  @OptionGroup var stages: StageOptions

  @Option(help: "Books, like 238-3971, 1000- or 55; may be repeated.")
  var books: [String] = []

  @Option(help: "A value of instrument_type_parsed, exactly; may be repeated.")
  var type: [String] = []

  @Option(help: "A priority from 1 (critical) to 4 (low); may be repeated.")
  var priority: [Int] = []

  @Option(help: "A source, like DuProcess; may be repeated.")
  var source: [String] = []

  @Option(help: "At most so many documents in this run.")
  var limit: Int?

  func validate() throws {
    for text in books where Stage.range(text) == nil {
      throw ValidationError("--books has to be a range like 238-3971, and is \(text)")
    }
    for value in priority where !(1...4).contains(value) {
      throw ValidationError("--priority has to be a number from 1 to 4, and is \(value)")
    }
    if let limit, limit < 1 {
      throw ValidationError("--limit has to be a number from 1, and is \(limit)")
    }
  }

  /// The stage's selection with the filters that replace its own.
  func selection() throws(Fatal) -> Selection {
    var selection = try stages.load()?.selection ?? Selection()
    if !books.isEmpty { selection.books = books.compactMap(Stage.range) }
    if !type.isEmpty { selection.types = type }
    if !priority.isEmpty { selection.priorities = priority }
    if !source.isEmpty { selection.sources = source }
    if let limit { selection.limit = limit }
    return selection
  }
}

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
  @Flag(help: "Write the records that a run would claim, or name what --migrate would change.")
  var dryRun = false

  @Flag(help: "Print how many documents are pending.")
  var count = false

  @Flag(help: "Print how many documents have which status.")
  var status = false

  @Flag(help: "Print the 20 most frequent types of the pending documents, tab-separated.")
  var types = false

  @Flag(help: "Print --count or --status as JSON, with the counts of all statuses.")
  var json = false

  @Flag(help: "Create an empty index: a SQLite file, or the table in PostgreSQL.")
  var `init` = false

  @Flag(help: "Add what we need to a table that is there; made changes are not made again.")
  var migrate = false

  @Option(help: "Add documents from a file (.csv, .tsv, .jsonl; - for stdin) and end.")
  var `import`: String?

  @Option(help: "How the imported file is written: csv, tsv or jsonl. (default: by its name)")
  var format: ImportReader.Layout?

  @Flag(help: "Leave out columns of the imported file that the index does not know.")
  var ignoreUnknownColumns = false

  func validate() throws {
    let modes = [dryRun && !migrate, count, status, types, `init`, migrate, `import` != nil]
    guard modes.count(where: \.self) <= 1 else {
      throw ValidationError(
        "only one of --dry-run, --count, --status, --types, --init, --migrate and --import at a "
          + "time; --dry-run also goes with --migrate")
    }
    if json, !count, !status {
      throw ValidationError("--json goes with --count or --status")
    }
    if `import` == nil, format != nil || ignoreUnknownColumns {
      throw ValidationError("--format and --ignore-unknown-columns go with --import")
    }
  }

  /// The lines that answer the question, if one was asked.
  func answer(_ index: any DocumentIndex, _ selection: Selection) throws -> [String]? {
    if types { return Answers.types(try index.typeCounts(selection, top: 20)) }
    guard count || status else { return nil }
    let counts = try index.counts(selection)
    if json { return [Answers.json(counts)] }
    return status ? Answers.table(counts) : [String(counts.upcoming(selection))]
  }
}

extension ImportReader.Layout: ExpressibleByArgument {}
