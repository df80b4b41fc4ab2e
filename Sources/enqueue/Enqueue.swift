import ArgumentParser
import CLI
import Common
import Glibc
import Index
import Logging
import Stages

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
        enqueue --index sqlite:index.db --stage stage-0-test --count
        enqueue --index sqlite:index.db --stage stage-0-test | fetch … | validate --settle …

      \(Common.ExitCode.table)
      """)

  @Option(help: "The index: postgres://USER@HOST/NAME, sqlite:PATH, or a path to a SQLite file.")
  var index: String

  @Option(help: "At most so many connections to PostgreSQL, 2 to 20.")
  var dbPool = 2

  @OptionGroup(title: "Selection") var filter: SelectionOptions
  @OptionGroup(title: "Streaming") var streaming: StreamingOptions
  @OptionGroup(title: "Instead of claiming") var mode: ModeOptions
  @OptionGroup(title: "Log") var log: LogOptions

  func validate() throws {
    guard (2...20).contains(dbPool) else {
      throw ValidationError("--db-pool has to be a number from 2 to 20, and is \(dbPool)")
    }
  }

  func perform(stop: Stop, logger: Logger) throws -> Common.ExitCode {
    if mode.migrate || mode.`init` { return try mode.prepare(index) }
    if let path = mode.import {
      return try Importer(
        path: path, layout: mode.format, ignoresUnknown: mode.ignoreUnknownColumns, stop: stop
      ).run(into: { try openIndex(self.index, creating: true, connections: self.dbPool) })
    }
    let selection = try filter.selection()
    let index = try openIndex(self.index, connections: dbPool)
    let output = LineWriter(descriptor: STDOUT_FILENO, stop: stop)
    if let lines = try mode.answer(index, selection) {
      output.write(lines.map { Array($0.utf8) })
      return try stop.exitCode()
    }
    if mode.dryRun {
      try DryRun(index: index, selection: selection, output: output, stop: stop).run()
      return try stop.exitCode()
    }
    return try Feeder(
      index: index, selection: selection, run: .here(leaseSeconds: streaming.lease),
      batch: streaming.workers * 20, waits: !streaming.noWait, output: output, stop: stop,
      logger: logger
    ).feedBelt()
  }
}

extension Stop {
  /// How a run ends that was stopped, or not.
  func exitCode() throws(Fatal) -> Common.ExitCode {
    switch reason {
    case .failed(let fatal): throw fatal
    case .interrupted: .interrupted
    case .downstreamClosed, nil: .success
    }
  }
}
