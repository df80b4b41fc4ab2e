import ArgumentParser
import CLI
import Common
import Config
import Glibc
import Index
import Inspection
import Logging
import Store

/// The command `validate`: its options, and what they mean.
struct Validate: Tool {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check that what was uploaded has arrived, and settle each document.",
    usage: "validate [OPTION]…\nvalidate SUBCOMMAND [OPTION]…",
    discussion: """
      Reads records, compares each object with what "upload" says of it, and writes the records with \
      "validate" added. Rarer options: --help-all.

        fetch … | upload … | validate
        enqueue … | fetch … | upload … | validate --settle --index postgres:

      \(ToolExit.table)
      """,
    subcommands: [
      ReportCommand.self, MonitorCommand.self, MismatchesCommand.self, ReconcileCommand.self,
      FilesCommand.self, WhyCommand.self,
    ])

  static let oldOptions: [String: OldOption] = [
    "report": .flag(subcommand: "report"), "monitor": .flag(subcommand: "monitor"),
    "mismatches": .flag(subcommand: "mismatches"), "reconcile": .flag(subcommand: "reconcile"),
    "files": .option(subcommand: "files"), "settle": .ofToolAlone,
  ]

  @Flag(help: "Write each document's outcome to the index.")
  var settle = false

  @Option(help: .index)
  var index: String?

  @OptionGroup var pool: PoolOptions

  @Option(help: .to)
  var to: String?

  @OptionGroup var stages: StageOptions

  @Option(name: .shortAndLong, help: .workers)
  var workers = WorkerCount(8)

  @Option(
    help: .rare(
      "Let a document wait this long for its second attempt, twice as long for each more."))
  var retryWait = TimeSpan(seconds: 120)

  @Option(help: .spool)
  var spool: String?

  @Flag(help: .rare("Keep the files in the spool."))
  var keepLocal = false

  @Flag(help: .noRecords)
  var noRecords = false

  @Option(help: .progress)
  var progress = ProgressMode.auto

  @Option(
    help: .rare("Show progress towards this many documents. (default: the index's)", valueName: "n")
  )
  var total: Int?

  @Option(help: .summary)
  var summary: String?

  @Option(help: .state)
  var state: String?

  @Option(help: .outageLimit)
  var outageLimit = TimeSpan(seconds: 21_600)

  @Option(help: .readData)
  var readData: Share?

  @Option(
    help: .rare("Keep this file up to date for Prometheus' node exporter.", valueName: "file"))
  var metricsFile: String?

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard total ?? 0 >= 0 else {
      throw ValidationError("--total must be 0 or more; it is \(total ?? 0).")
    }
    if metricsFile?.isEmpty == true { throw ValidationError("--metrics-file must be a path.") }
    if settle, index == nil { throw ValidationError("--settle needs --index.") }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let stage = try stages.load()
    let selection = stage?.selection ?? Selection()
    let turns = WorkerTurns(expected: workers.value)
    var settings = StoreSettings(stop: stop, logger: logger, outageLimit: outageLimit)
    settings.turns = turns
    settings.notice = state.map { OutageNotice(tool: "validate", folder: "\($0)/outages") }
    let documents =
      settle ? try index.map { try openIndex($0, connections: pool.dbPool, stop: stop) } : nil
    if let documents, let spool, !keepLocal {
      try SpoolSweep(directory: spool, index: documents, logger: logger).run()
    }
    let run = ValidationRun(
      stores: try Stores(only: to, settings),
      settling: documents.map {
        .init(settler: Settler(index: $0), firstWait: retryWait.seconds)
      },
      spool: keepLocal ? nil : spool.map { SpoolFiles(directory: $0) },
      sample: readData.map { Sample(share: $0.value) },
      metrics: metricsFile.map { MetricsFile(path: $0, logger: logger) },
      total: try total ?? documents.map { try $0.countOfWork(selection) },
      style: progress.style, workers: workers.value, turns: turns,
      outages: try outagesFolder(state: state, index: index),
      status: state.map { StatusNotice(tool: "validate", state: $0) }, logger: logger)
    let output = noRecords ? open("/dev/null", O_WRONLY | O_CLOEXEC) : STDOUT_FILENO
    let (code, summary) = try run.perform(stop: stop, output: output)
    Console.write(summary.text)
    if let path = self.summary { try summary.write(to: path) }
    return code
  }
}

extension ArgumentHelp {
  static let readData = rare("Read this share of the objects back and hash them, like 5%.")
  static let summary = rare("Write the summary to this file too, as JSON.", valueName: "file")
  static let workers = ArgumentHelp("Work on this many documents at a time.", valueName: "n")
}

extension StoreSettings {
  /// The settings of one run.
  init(stop: ShutdownSignal, logger: Logger, outageLimit: TimeSpan) {
    self.init()
    self.stop = stop
    self.logger = logger
    outages = OutagePolicy(limit: outageLimit.seconds)
  }
}

/// Where the tools of a run on this index note their outages; `nil` without an index.
func outagesFolder(state: String?, index: String?) throws(Fatal) -> String? {
  guard state == nil, let index else { return state.map { "\($0)/outages" } }
  let place = try? StateFolder(named: nil, index: try IndexURL(index).folderName)
  return place.map { "\($0.path)/outages" }
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

/// One program, two roles: the tool, and the process that looks into PDFs for `validate files`. The second
/// has no options, no environment and no signals of ours, so that it is told apart before any of them.
@main
enum Program {
  static func main() {
    if CommandLine.arguments.dropFirst().first == Inspector.flag {
      exit(Inspector.answerQuestions { FileInspection.finding(at: $0).json })
    }
    Validate.main()
  }
}
