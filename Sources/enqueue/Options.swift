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

  @Option(help: "Documents filed on this day or later, like 1951-03-04.", transform: day("since"))
  var since: Day?

  @Option(help: "Documents filed on this day or before.", transform: day("until"))
  var until: Day?

  @Option(
    name: .customLong("class"),
    help: "Of failed documents, those with an error of this class; may be repeated.")
  var errorClass: [String] = []

  @Option(help: "Documents whose ids are in this file, one a line (- for stdin).")
  var select: String?

  @Option(help: "At most so many documents in this run.")
  var limit: Int?

  func validate() throws {
    for text in books where Stage.range(text) == nil {
      throw ValidationError("--books has to be a range like 238-3971, and is \(text)")
    }
    for value in priority where !(1...4).contains(value) {
      throw ValidationError("--priority has to be a number from 1 to 4, and is \(value)")
    }
    for text in errorClass where Selection.errorClass(text) == nil {
      throw ValidationError(
        "--class has to be one of \(Selection.errorClassNames), and is \(text)")
    }
    if let since, let until, until < since {
      throw ValidationError("--until \(until) is before --since \(since)")
    }
    if let limit, limit < 1 {
      throw ValidationError("--limit has to be a number from 1, and is \(limit)")
    }
  }

  private static func day(_ name: String) -> @Sendable (String) throws -> Day {
    { text in
      guard let day = Day(text) else {
        throw ValidationError("--\(name) has to be a day like 1951-03-04, and is \(text)")
      }
      return day
    }
  }

  /// The stage's selection with the filters that replace its own. `retrying` is about failed documents,
  /// whatever the stage says.
  func selection(retrying: Bool, stop: Stop) throws(Fatal) -> Selection {
    var selection = try stages.load()?.selection ?? Selection()
    if !books.isEmpty { selection.books = books.compactMap(Stage.range) }
    if !type.isEmpty { selection.types = type }
    if !priority.isEmpty { selection.priorities = priority }
    if !source.isEmpty { selection.sources = source }
    if let since { selection.since = since }
    if let until { selection.until = until }
    if retrying { selection.retriesFailed = true }
    if !errorClass.isEmpty { selection.errorClasses = errorClass }
    guard selection.retriesFailed || errorClass.isEmpty else {
      throw Fatal(.usage, "--class goes with --retry, or with a stage that has status: failed")
    }
    if let select { selection.ids = try IdFile.ids(select, stop: stop) }
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

  @Flag(help: "Set failed documents back to pending, attempts counted from 0.")
  var retry = false

  @Flag(help: "Create an empty index: a SQLite file, or the table in PostgreSQL.")
  var `init` = false

  @Flag(help: "Add what we need to a table that is there; made changes are not made again.")
  var migrate = false

  @Option(help: "Add documents from a file (.csv, .tsv, .jsonl, also .gz; - for stdin) and end.")
  var `import`: String?

  @Option(help: "How the imported file is written: csv, tsv or jsonl. (default: by its name)")
  var format: ImportReader.Layout?

  @Option(
    help: ArgumentHelp(
      "What a column of the imported file is in the index; without COLUMN it is left out. May be "
        + "repeated.", valueName: "HEADER=COLUMN"))
  var map: [String] = []

  @Option(help: "Show the progress of an import on stderr.")
  var progress = ProgressMode.auto

  @Flag(help: "Leave out columns of the imported file that the index does not know.")
  var ignoreUnknownColumns = false

  func validate() throws {
    let hasDryRun = migrate || retry || preflight
    let modes = [
      dryRun && !hasDryRun, count, status, types, preflight, retry, `init`, migrate,
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
    if `import` == nil, format != nil || ignoreUnknownColumns || !map.isEmpty {
      throw ValidationError("--format, --map and --ignore-unknown-columns go with --import")
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
