import ArgumentParser
import CLI
import Common
import Index
import Page
import Logging
import Config

/// The documents that a view is about.
struct ViewOptions: ParsableArguments {
  @Option(help: .index)
  var index: String

  @OptionGroup var pool: PoolOptions
  @OptionGroup var stages: StageOptions

  /// Opens the index.
  func views(outages state: String? = nil) throws -> Views {
    let stage = try stages.load()
    return Views(
      index: try openIndex(index, connections: pool.dbPool),
      selection: stage?.selection ?? Selection(), subject: stage?.name ?? "All documents",
      outages: try outagesFolder(state: state, index: index))
  }
}

/// How often a view is shown.
struct WatchOptions: ParsableArguments {
  @Option(
    defaultAsFlag: TimeSpan(seconds: 5), parsing: .scanningForValue,
    help: .init("Show it again and again, this long after each other.", valueName: "time"))
  var watch: TimeSpan?

  func validate() throws {
    guard let watch, !(0.1...86_400).contains(watch.seconds) else { return }
    throw ValidationError(
      "--watch must be from 100ms to 1d; it is \(watch.defaultValueDescription).")
  }

  /// Shows a view once, or until `stop`.
  func show(stop: ShutdownSignal, _ render: () throws -> (text: String, code: ToolExit))
    throws -> ToolExit
  {
    if let watch {
      return try Watch(seconds: watch.seconds, stop: stop).run { try render().text }
    }
    let (text, code) = try render()
    try Console.answer(text)
    return code
  }
}

/// `validate report`.
struct ReportCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Print counts, pace, estimate, errors and gaps.",
    usage: "validate report --index URL [OPTION]…",
    discussion: """
        validate report --index sqlite:index.db --stage stage-0-test
        validate report --index postgres: --html report.html --csv tables

      \(ToolExit.table)
      """)

  @OptionGroup var view: ViewOptions

  @Flag(help: .json)
  var json = false

  @Option(help: .init("Write one CSV file per table to this folder.", valueName: "dir"))
  var csv: String?

  @Option(help: .init("Write the report to this file, as one page of HTML.", valueName: "file"))
  var html: String?

  @OptionGroup var watching: WatchOptions
  @OptionGroup var log: LogOptions

  func validate() throws {
    if watching.watch != nil, (csv ?? html) != nil {
      throw ValidationError("--watch writes no files: leave out --\(csv != nil ? "csv" : "html").")
    }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let views = try view.views()
    guard (csv ?? html) != nil else {
      return try watching.show(stop: stop) { (try views.report(asJSON: json), .success) }
    }
    try views.writeReport(csv: csv, html: html)
    if json { try Console.answer(try views.report(asJSON: true)) }
    return .success
  }
}

/// `validate monitor`.
struct MonitorCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "monitor",
    abstract: "Print how the run fares now; exit code 3: not well.",
    usage: "validate monitor --index URL [OPTION]…",
    discussion: """
      Shows leases, success rate, activity, errors and outages.

        validate monitor --index postgres: --watch 5s

      \(ToolExit.table)
      """)

  @OptionGroup var view: ViewOptions

  @Option(help: .state)
  var state: String?

  @Flag(help: .json)
  var json = false

  @Flag(help: "Send what is news to the receivers of webhooks (see notify).")
  var notify = false

  @OptionGroup var watching: WatchOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let views = try view.views(outages: state)
    let subject = "\(try IndexURL(view.index).folderName) \(views.subject)"
    return try watching.show(stop: stop) {
      let monitor = try views.monitor()
      if notify {
        Look(subject: subject, views: views, state: state).notify(of: monitor, logger)
      }
      return (json ? monitor.json.description + "\n" : monitor.text, monitor.exitCode)
    }
  }
}

/// `validate mismatches`.
struct MismatchesCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "mismatches",
    abstract: "Print documents with another book or page, as CSV.",
    usage: "validate mismatches --index URL [OPTION]…",
    discussion: """
      The portal says where a document is recorded, and the index may say otherwise.

      \(ToolExit.table)
      """)

  @OptionGroup var view: ViewOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let views = try view.views()
    return try MismatchList(index: views.index, selection: views.selection).write()
  }
}
