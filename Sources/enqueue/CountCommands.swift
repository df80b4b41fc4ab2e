import ArgumentParser
import CLI
import Common
import Glibc
import Index
import Logging
import Config

/// `enqueue count`.
struct CountCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "count",
    abstract: "Print how many documents are pending.",
    usage: "enqueue count --index URL [OPTION]…",
    discussion: """
      Counts failed documents too, where the stage tries them again.

      \(ToolExit.table)
      """)

  @OptionGroup var documents: SelectedDocuments

  @Flag(help: .json)
  var json = false

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let (index, selection) = try documents.open(stop: stop, logger: logger)
    let counts = try index.counts(selection)
    return try stop.print([json ? CountsOutput.json(counts) : String(counts.upcoming(selection))])
  }
}

/// `enqueue status`.
struct StatusCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Print how many documents have which status.",
    usage: "enqueue status --index URL [OPTION]…",
    discussion: """
      Prints a table of status, count and percent, and the outages that a run waits for.

      \(ToolExit.table)
      """)

  @OptionGroup var documents: SelectedDocuments

  @Option(help: .state)
  var state: String?

  @Flag(help: .json)
  var json = false

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let (index, selection) = try documents.open(stop: stop, logger: logger)
    let counts = try index.counts(selection)
    return try stop.print(json ? [CountsOutput.json(counts)] : CountsOutput.table(counts) + outages)
  }

  /// What the tools of a run on this index wait for.
  private var outages: [String] {
    guard let index = try? IndexURL(documents.place.index),
      let place = try? StateFolder(named: state, index: index.folderName)
    else { return [] }
    return OutageReport.current(in: "\(place.path)/outages").map { $0.text() }
  }
}

/// `enqueue types`.
struct TypesCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "types",
    abstract: "Print the 20 most frequent types of pending documents.",
    usage: "enqueue types --index URL [OPTION]…",
    discussion: ToolExit.table)

  @OptionGroup var documents: SelectedDocuments
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let (index, selection) = try documents.open(stop: stop, logger: logger)
    return try stop.print(CountsOutput.types(try index.typeCounts(selection, top: 20)))
  }
}

/// `enqueue scaling`: for an index in PostgreSQL, whose owner runs what is printed.
struct ScalingCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "scaling",
    abstract: "Print a view for autoscalers of a stage.",
    usage: "enqueue scaling --stage NAME [OPTION]…",
    discussion: """
      Prints SQL, for KEDA and its like; see docs/kubernetes.md.

        enqueue scaling --stage stage-mid-filtered | psql county

      \(ToolExit.table)
      """)

  @OptionGroup var filter: SelectionOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    guard let stage = try filter.stages.load() else {
      throw Fatal(.usage, "the view is a stage's. Name it with --stage.")
    }
    let selection = try filter.selection(retrying: false, stop: stop, logger: logger)
    return try stop.print([try ScalingView(stage: stage.name, selection).sql])
  }
}

/// `enqueue paths`: for the driver, which has to know both before anything begins.
struct PathsCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "paths",
    abstract: "Print the state folder and the limiter of a run.",
    usage: "enqueue paths --index URL [OPTION]…",
    discussion: """
      Prints one path per line. Exit code 78: the folder belongs to another index.

      \(ToolExit.table)
      """,
    shouldDisplay: false)

  @Option(help: .index)
  var index: String

  @Option(help: .state)
  var state: String?

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let index = try IndexURL(index)
    let place = try StateFolder(named: state, index: index.folderName)
    try StateOwner(folder: place.path, index: index.identity).check()
    if let note = place.note { Console.write("\(note)\n") }
    return try stop.print([place.path, place.limiter])
  }
}
