import ArgumentParser
import CLI
import Common
import Glibc
import Logging
import Config
import Store

/// The command `upload`: its options, and what they mean.
@main
struct Upload: Tool {
  static let configuration = CommandConfiguration(
    commandName: "upload",
    abstract: "Put each document's file into a store, whole, and never over another.",
    usage: "upload --to URL [OPTION]…\nupload check --to URL [OPTION]…",
    discussion: """
      Reads records, uploads the newest file that each names (optimize.path, fetch.path or path), and \
      writes the records with "upload" added: URL, size and checksums. Rarer options: --help-all. \
      Credentials are found where the vendors' own tools find them: docs/upload.md.

        fetch … | upload --to file:///srv/archive --stage stage-0-test
        find scans -name '*.pdf' | upload --from-list --to s3://bucket

      \(ToolExit.table)
      """,
    subcommands: [CheckCommand.self])

  static let oldOptions: [String: OldOption] = [
    "check": .flag(subcommand: "check"), "key": .renamed("key-template"),
  ]

  @OptionGroup var store: StoreOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("Upload this many at a time.", valueName: "n"))
  var workers = WorkerCount(8)

  @Flag(help: .rare("Leave objects with the same content. This is the default."))
  var skipExisting = false

  @Flag(help: "Remove each file once the store has confirmed it.")
  var removeSourceFiles = false

  @Option(help: .outageLimit)
  var outageLimit = TimeSpan(seconds: 21_600)

  @Option(help: .state)
  var state: String?

  @Option(help: .progress)
  var progress = ProgressMode.auto

  @Option(help: .root)
  var root: String?

  @OptionGroup var log: LogOptions

  func validate() throws {
    if store.overwrite, skipExisting {
      throw ValidationError("--overwrite and --skip-existing cannot be combined.")
    }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let outages = OutagePolicy(
      firstDistance: 5 * store.retryBase.seconds, limit: outageLimit.seconds)
    // While some hold documents of which it is not known whose fault a refusal is, others work.
    let threads = workers.value + outages.threshold - 1
    let turns = WorkerTurns(expected: threads) { [workers] in workers.value }
    var settings = store.settings(outages, stop, logger)
    settings.turns = turns
    if !store.dryRun {
      settings.notice = state.map { OutageNotice(tool: "upload", folder: "\($0)/outages") }
    }
    let (opened, keys) = try store.open(settings)
    let loop = RecordLoop(
      tool: "upload", workers: threads, stop: stop, logger: logger,
      lines: store.fromList ? .fileNames : .records,
      status: store.dryRun ? nil : state.map { StatusNotice(tool: "upload", state: $0) })
    let style = UploadOptions(
      overwrites: store.overwrite, isDryRun: store.dryRun, removesSources: removeSourceFiles,
      root: root)
    let tally = UploadStatistics()
    let display = ProgressDisplay(tool: "upload", style: progress.styleInPipeline)
    return ProgressDisplay.beside([{ display.show(tally, until: $0) }]) {
      loop.run { number in
        var logger = logger
        logger[metadataKey: "worker"] = "\(number)"
        return Uploader(
          store: opened, keys: keys, style: style, tally: tally, turns: turns, stop: stop,
          number: number, logger: logger)
      }
    }
  }
}

/// `upload check`: tries a store before a run.
struct CheckCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Try the store: write an object, read it, remove it.",
    usage: "upload check --to URL [OPTION]…",
    discussion: """
      Sends what a run with the same options would send. Reads no records; with --dry-run, only reads.

        upload check --to gs://county-records/documents

      \(ToolExit.table)
      """)

  @OptionGroup var store: StoreOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    // A check answers now; a run may wait for a store that comes back.
    let outages = OutagePolicy(firstDistance: 5 * store.retryBase.seconds, limit: 0)
    let (opened, _) = try store.open(store.settings(outages, stop, logger))
    let plan = CheckPlan(
      writes: !store.dryRun, overwrites: store.overwrite, metadata: DocumentRecord.sampleMetadata)
    return try StoreTrial(opened, plan, isQuiet: log.quiet).run()
  }
}
