import Checkpoint
import ArgumentParser
import CLI
import Common
import Files
import Glibc
import Index
import Logging
import Config
import Store

/// `validate reconcile`: its options, and what they start.
struct ReconcileCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "reconcile",
    abstract: "Compare index, store and checkpoint.",
    usage: "validate reconcile --index URL --to URL [OPTION]…",
    discussion: """
      Prints one line of JSON per difference, and the totals on stderr. Exit code 3: there are some.

        validate reconcile --index postgres: --to gs://bucket/documents
        validate reconcile --index postgres: --to ./archive --repair --dry-run

      \(ToolExit.table)
      """)

  @Option(help: .index)
  var index: String

  @OptionGroup var pool: PoolOptions

  @Option(help: .to)
  var to: String

  @OptionGroup var stages: StageOptions

  @Option(help: .state)
  var state: String?

  @Flag(help: "Set documents whose object is missing or wrong back to pending.")
  var repair = false

  @Flag(name: .dryRun, help: .dryRun)
  var dryRun = false

  @Flag(help: "Ignore objects that no document refers to.")
  var oneWay = false

  @Option(help: .readData)
  var readData: Share?

  @Option(name: .shortAndLong, help: .workers)
  var workers = WorkerCount(8)

  @Option(help: .summary)
  var summary: String?

  @Option(help: .outageLimit)
  var outageLimit = TimeSpan(seconds: 21_600)

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let selection = try stages.load()?.selection ?? Selection()
    var settings = StoreSettings(stop: stop, logger: logger, outageLimit: outageLimit)
    settings.turns = WorkerTurns(expected: workers.value)
    settings.notice = state.map { OutageNotice(tool: "validate", folder: "\($0)/outages") }
    let index = try openIndex(self.index, connections: pool.dbPool)
    let store = try openStore(to, settings)
    let writer = LineWriter(descriptor: STDOUT_FILENO, stop: stop)
    var reconciliation = Reconciliation(
      index, store, selection, repair ? dryRun ? .dryRun : .requeueCompleted : .none,
      readData.map { Sample(share: $0.value) }, workers: workers.value, stop: stop,
      write: { writer.write($0) })
    if let state, access(state, F_OK) != 0 {
      throw Fatal(.configuration, "there is no state folder \(state). Name another with --state.")
    }
    do { try reconciliation.run(fetched: try state.flatMap { try FetchedPages(state: $0) }) } catch
    {
      guard stop.isRequested else { throw error }
    }
    if case .failed(let fatal) = stop.reason { throw fatal }
    let totals = reconciliation.totals
    Console.write(totals.text)
    if let summary {
      try WholeFile.write(totals.json.serialized() + [0x0A], to: summary, what: "the summary")
    }
    logger.info("reconciled \(store.place): \(totals.json)")
    return stop.reason == .interrupted ? .interrupted : totals.exitCode(oneWay: oneWay)
  }
}
