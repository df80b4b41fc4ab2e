import ArgumentParser
import CLI
import Common
import Glibc
import Index
import Logging
import Config

@main
struct Enqueue: Tool {
  static let configuration = CommandConfiguration(
    commandName: "enqueue",
    abstract: "Write pending documents of the index as records.",
    usage: "enqueue [SUBCOMMAND] --index URL [OPTION]…",
    discussion: """
      Claims documents, each with a lease, until all are done. More: --help-all.

        enqueue --index postgres: --stage stage-0-test | fetch … | upload … | …

      \(ToolExit.table)
      """,
    subcommands: [
      ImportCommand.self, InitCommand.self, MigrateCommand.self, RetryCommand.self,
      SkipCommand.self, StopCommand.self,
      CountCommand.self, StatusCommand.self, TypesCommand.self, PreflightCommand.self,
      ScalingCommand.self, PathsCommand.self,
    ])

  static let oldOptions: [String: OldOption] = [
    "import": .option(subcommand: "import"), "init": .flag(subcommand: "init"),
    "migrate": .flag(subcommand: "migrate"), "retry": .flag(subcommand: "retry"),
    "count": .flag(subcommand: "count"), "status": .flag(subcommand: "status"),
    "types": .flag(subcommand: "types"), "preflight": .flag(subcommand: "preflight"),
    "print-state": .flag(subcommand: "paths"),
  ]

  @OptionGroup var documents: SelectedDocuments

  @Option(help: .state)
  var state: String?

  @Option(
    help: ArgumentHelp("Claim for this many threads of fetch.", valueName: "n"))
  var workers = WorkerCount(5)

  @Option(
    help: .rare("Let a claim end this long after this process died, 1s or more.", valueName: "time")
  )
  var lease = TimeSpan(seconds: 600)

  @Flag(help: .rare("End when nothing can be claimed now."))
  var noWait = false

  @Flag(name: .dryRun, help: .dryRun)
  var dryRun = false

  /// Nothing in claiming: the driver gives `enqueue` what a run is told, and `preflight` estimates by it.
  @OptionGroup(visibility: .hidden) var access: PortalAccessOptions

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard lease.seconds >= 1 else {
      throw ValidationError("--lease must be 1s or more; it is \(lease.defaultValueDescription).")
    }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let (index, selection) = try documents.open(stop: stop, logger: logger)
    let output = LineWriter(descriptor: STDOUT_FILENO, stop: stop)
    if dryRun {
      try DryRun(index: index, selection: selection, output: output, stop: stop).run()
      return try stop.exitCode()
    }
    let drain = DrainWatch(
      index: index, stage: try documents.filter.stages.load()?.name, logger: logger)
    if let order = try drain.order() { throw Fatal(.unavailable, "\(order.text). \(order.advice)") }
    let url = documents.place.index
    if let state { try StateOwner(folder: state, index: IndexURL(url).identity).claim() }
    return try Feeder(
      index: index, selection: selection, run: .here(leaseSeconds: lease.seconds),
      batch: (maximum: workers.value * 20, first: workers.value * 2),
      waits: !noWait, output: output, drain: drain, stop: stop, logger: logger
    ).feedPipeline()
  }
}

/// Where the index is.
struct IndexOptions: ParsableArguments {
  @Option(help: .index)
  var index: String

  @OptionGroup var pool: PoolOptions

  /// Opens the index. Throws where it is not there, unless it may be made.
  func open(creating: Bool = false, stop: ShutdownSignal) throws -> any DocumentIndex {
    try openIndex(index, creating: creating, connections: pool.dbPool, stop: stop)
  }
}

/// Which documents of which index.
struct SelectedDocuments: ParsableArguments {
  @OptionGroup var place: IndexOptions
  @OptionGroup var filter: SelectionOptions

  /// The index, and what is selected of it. `retrying` is about failed documents, whatever the stage
  /// says.
  func open(
    retrying: Bool = false, stop: ShutdownSignal, logger: Logger
  ) throws -> (any DocumentIndex, Selection) {
    let selection = try filter.selection(retrying: retrying, stop: stop, logger: logger)
    let index = try place.open(stop: stop)
    try check(selection, in: index, logger)
    return (index, selection)
  }

  /// Throws where the index has none of the types, sources or ids.
  func check(_ selection: Selection, in index: any DocumentIndex, _ logger: Logger) throws {
    try SelectionCheck(
      index: index, types: filter.type, excluded: filter.exclude, sources: filter.source,
      logger: logger
    ).check(selection)
  }
}
