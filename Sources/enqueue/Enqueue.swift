import Files
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
    abstract: "Write the index's pending documents as records, one JSON object per line.",
    discussion: """
      Claims documents of the index in batches, each with a lease, and writes them to stdout for \
      fetch. Goes on until the selection is done: documents that are to be tried again come back \
      when their time has come. A selection is a stage file, filters, or both; a filter replaces \
      the stage's.

      Examples:
        enqueue --index sqlite:index.db --import deeds.csv
        enqueue --index sqlite:index.db --import index.xlsx --sheet 2023
        enqueue --index sqlite:index.db --stage stage-0-test --count
        enqueue --index sqlite:index.db --retry --class network --dry-run
        enqueue --index sqlite:index.db --stage stage-0-test | fetch … | validate --settle …

      \(ToolExit.table)
      """)

  @Option(help: "The index: postgres://USER@HOST/NAME, sqlite:PATH, or a path to a SQLite file.")
  var index: String

  @Option(help: "The pipeline's state folder; one that belongs to another index is refused.")
  var state: String?

  @OptionGroup var pool: PoolOptions
  @OptionGroup(title: "Selection") var filter: SelectionOptions
  @OptionGroup(title: "Streaming") var streaming: StreamingOptions
  @OptionGroup(title: "Instead of claiming") var mode: ModeOptions
  @OptionGroup(title: "Importing") var importing: ImportOptions
  @OptionGroup(title: "Estimate of --preflight") var estimate: EstimateOptions
  @OptionGroup(title: "Log") var log: LogOptions

  func validate() throws { try importing.check(isImporting: mode.import != nil) }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    if mode.migrate || mode.`init` { return try mode.prepare(index, stop: stop) }
    if let path = mode.import {
      let importer = Importer(
        path: path, options: try importing.options(), sheet: importing.sheet,
        progress: mode.progress, stop: stop)
      return try importer.run { [index, connections = pool.dbPool] in
        try openIndex(index, creating: true, connections: connections, stop: stop)
      }
    }
    if mode.printState { return try printState(stop) }
    let selection = try filter.selection(retrying: mode.retry, stop: stop, logger: logger)
    if mode.preflight {
      return try Preflight(
        url: self.index, connections: pool.dbPool, selection: selection,
        mayAsk: !mode.dryRun, stop: stop
      ).run(
        check: { try check(selection, in: $0) },
        estimate: { try estimate.lines($0, selection, filter) })
    }
    let index = try openIndex(self.index, connections: pool.dbPool, stop: stop)
    try check(selection, in: index)
    if mode.retry { return try mode.requeue(selection, in: index) }
    let output = LineWriter(descriptor: STDOUT_FILENO, stop: stop)
    if let lines = try mode.answer(index, selection) {
      output.write((lines + outages).map { Array($0.utf8) })
      return try stop.exitCode()
    }
    if mode.dryRun {
      try DryRun(index: index, selection: selection, output: output, stop: stop).run()
      return try stop.exitCode()
    }
    if let state { try StateOwner(folder: state, index: IndexURL(self.index).identity).claim() }
    return try Feeder(
      index: index, selection: selection, run: .here(leaseSeconds: streaming.lease),
      batch: (maximum: streaming.workers * 20, first: streaming.workers * 2),
      waits: !streaming.noWait, output: output, stop: stop, logger: logger
    ).feedPipeline()
  }

  private func check(_ selection: Selection, in index: any DocumentIndex) throws {
    try SelectionCheck(index: index, types: filter.type, sources: filter.source).check(selection)
  }

  /// What the tools of a run on this index wait for, below the table of `--status`.
  private var outages: [String] {
    guard mode.status, !mode.json, let index = try? IndexURL(self.index),
      let place = try? StateFolder(named: state, index: index.folderName)
    else { return [] }
    return OutageReport.current(in: "\(place.path)/outages").map { $0.text() }
  }

  /// For the driver, which has to know both before anything begins.
  private func printState(_ stop: ShutdownSignal) throws -> ToolExit {
    let index = try IndexURL(index)
    let place = try StateFolder(named: state, index: index.folderName)
    try StateOwner(folder: place.path, index: index.identity).check()
    if let note = place.note { _ = writeAll(Array("\(note)\n".utf8), to: STDERR_FILENO) }
    LineWriter(descriptor: STDOUT_FILENO, stop: stop)
      .write([place.path, place.limiter].map { Array($0.utf8) })
    return try stop.exitCode()
  }
}

extension ShutdownSignal {
  /// How a run ends that was stopped, or not.
  func exitCode() throws(Fatal) -> ToolExit {
    switch reason {
    case .failed(let fatal): throw fatal
    case .interrupted: .interrupted
    case .downstreamClosed, nil: .success
    }
  }
}
