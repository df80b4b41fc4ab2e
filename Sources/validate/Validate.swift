import ArgumentParser
import CLI
import Common
import Glibc
import Index
import Logging
import Config
import Store

/// The command `validate`: its options, and what they mean.
struct Validate: Tool {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Checks that what was uploaded has arrived, settles each document, and reports.",
    discussion: """
      Reads one JSON record per line, asks the store for the size and checksum of the object that \
      upload.url names, and writes the record with "validate" added. With --settle, the outcome \
      goes to the index too: completed, to be tried again, or failed.

      EXAMPLES:
        fetch … | upload … | validate
        enqueue … | fetch … | upload … | validate --settle --index sqlite:index.db --no-records
        validate --report --index sqlite:index.db --stage stage-0-test
        validate --report --index postgres: --html report.html --csv tables
        validate --monitor --watch 5 --index sqlite:index.db
        validate --reconcile --index sqlite:index.db --to gs://county-records/documents
        validate --files ./pdf

      \(ToolExit.table)
      """)

  @Flag(help: "Write each document's outcome to the index, where its lease still holds.")
  var settle = false

  @Option(help: "The index: postgres://USER@HOST/NAME, sqlite:PATH, or a path to a SQLite file.")
  var index: String?

  @OptionGroup var pool: PoolOptions

  @Option(help: "The store that all objects have to be in (default: wherever their URLs say).")
  var to: String?

  @OptionGroup var stages: StageOptions

  @Option(name: .shortAndLong, help: "Documents at a time.")
  var workers = 8

  @Option(help: "How long a document waits for its second attempt; doubles each time (500ms, 2m).")
  var retryWait = "120s"

  @Option(help: "Remove a document's files beneath this directory once its outcome is written.")
  var spool: String?

  @Flag(help: "Keep the files in the spool.")
  var keepLocal = false

  @Flag(help: "Write no records to the output: for the end of the pipeline.")
  var noRecords = false

  @Option(help: "Show progress on stderr.")
  var progress = ProgressMode.auto

  @Option(help: "How many documents there are to do (default: asked from the index).")
  var total: Int?

  @Option(help: "Write the summary to this file too, as JSON.")
  var summary: String?

  @Option(
    help: """
      The run's directory: outages are noted in it, and with --reconcile what was fetched and never \
      uploaded. (default, for outages: the index's in XDG_STATE_HOME or ~/.local/state)
      """)
  var state: String?

  @Option(
    help: """
      How long to wait for a store that does not answer, before the run ends with 69 or 77 (90s, 30m, 6h).
      """)
  var outageLimit = "6h"

  @OptionGroup var views: ReportOptions

  @OptionGroup var pipeline: PipelineOptions

  @OptionGroup(title: "Reconciling") var reconciling: ReconcileOptions

  @OptionGroup(title: "Files") var checking: FilesOptions

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard (1...256).contains(workers) else {
      throw ValidationError("--workers has to be from 1 to 256, and is \(workers).")
    }
    guard Time.span(retryWait) != nil else {
      throw ValidationError("--retry-wait has to be a time span like 500ms, 30s or 2m.")
    }
    guard Time.span(outageLimit) != nil else {
      throw ValidationError("--outage-limit has to be a time span like 90s, 30m or 6h.")
    }
    guard total ?? 0 >= 0 else { throw ValidationError("--total has to be 0 or more.") }
    try pipeline.check()
    let view = views.view.map { "--\($0.rawValue)" }
    let isOther = settle || view != nil
    try reconciling.check(index: index, to: to, isElsewhere: isOther || checking.isAsked)
    try checking.check(isElsewhere: isOther)
    if index == nil, let needy = view ?? (settle ? "--settle" : nil) {
      throw ValidationError("\(needy) needs --index.")
    }
    if settle, let view { throw ValidationError("\(view) reads no records to --settle.") }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    if let place = checking.files {
      return try FilesRun(workers: workers, stop: stop, logger: logger).perform(place)
    }
    let connections = pool.dbPool
    let stage = try stages.load()
    let selection = stage?.selection ?? Selection()
    if let view = views.view, let index {
      let views = Views(
        index: try openIndex(index, connections: connections), selection: selection,
        subject: stage?.name ?? "All documents", outages: try outages)
      return try views.show(view, self.views, stop: stop)
    }
    let turns = WorkerTurns(expected: workers)
    var settings = StoreSettings()
    settings.stop = stop
    settings.logger = logger
    settings.turns = turns
    settings.outages = OutagePolicy(limit: Time.span(outageLimit) ?? 6 * 3600)
    settings.notice = state.map { OutageNotice(tool: "validate", folder: "\($0)/outages") }
    if reconciling.reconcile, let index, let to {
      return try reconciling.perform(
        try openIndex(index, connections: connections), try openStore(to, settings), selection,
        sample: pipeline.sample, state: state, workers: workers, summary: summary, stop: stop,
        logger: logger)
    }
    let documents =
      settle ? try index.map { try openIndex($0, connections: connections, stop: stop) } : nil
    if let documents, let spool, !keepLocal {
      try SpoolSweep(directory: spool, index: documents, logger: logger).run()
    }
    let run = ValidationRun(
      stores: try Stores(only: to, settings),
      settling: documents.map {
        .init(settler: Settler(index: $0), firstWait: Time.span(retryWait) ?? 120)
      },
      spool: keepLocal ? nil : spool.map { Spool(directory: $0) }, sample: pipeline.sample,
      metrics: pipeline.metricsFile.map { MetricsFile(path: $0, logger: logger) },
      total: try total ?? documents.map { try $0.countOfWork(selection) },
      style: progress.style, workers: workers, turns: turns, outages: try outages,
      logger: logger)
    let output = noRecords ? open("/dev/null", O_WRONLY | O_CLOEXEC) : STDOUT_FILENO
    let (code, summary) = try run.perform(stop: stop, output: output)
    Console.write(summary.text)
    if let path = self.summary { try summary.write(to: path) }
    return code
  }
}

extension Validate {
  /// Where the tools of a run on this index note their outages; `nil` without an index.
  fileprivate var outages: String? {
    get throws(Fatal) {
      guard state == nil, let index else { return state.map { "\($0)/outages" } }
      let place = try? StateFolder(named: nil, index: try IndexURL(index).folderName)
      return place.map { "\($0.path)/outages" }
    }
  }
}

extension DocumentIndex {
  /// How many documents of a selection a run that begins now has before it.
  fileprivate func countOfWork(_ selection: Selection) throws -> Int {
    let counts = try counts(selection)
    // A stage that tries failed documents again makes them pending at its start, perhaps just now.
    let revived = selection.retriesFailed ? counts.retriable : 0
    return min(counts.pending + counts.inProgress + revived, selection.limit ?? .max)
  }
}
