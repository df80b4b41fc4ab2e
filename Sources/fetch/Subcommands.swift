import Limiter
import Checkpoint
import Files
import ArgumentParser
import CLI
import Common
import Glibc
import Logging
import Config

/// `fetch status`. Asking creates no file.
struct StatusCommand: Tool {
  enum Part: String, CaseIterable, ExpressibleByArgument {
    case limiter, checkpoint
  }

  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Print what limiter and checkpoint hold, as JSON lines.",
    usage: "fetch status [limiter] [checkpoint] [OPTION]…",
    discussion: """
      The limiter has one line per host (next slot, pause, refusals, orders), the checkpoint one line of totals.

        fetch status
        fetch status limiter --limiter postgres://db/madison

      \(ToolExit.table)
      """)

  @Argument(help: "What to print. (default: those that are there)")
  var parts: [Part] = []

  @OptionGroup var place: StateOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let folder = try place.folder()
    let limiter = try LimiterLocation(place.limiter(in: folder))
    let checkpoint = "\(folder.path)/checkpoint.sqlite"
    var lines: [String] = []
    if parts.contains(.limiter) || parts.isEmpty && limiter.isThere {
      try require(limiter.isThere, "limiter", place.limiter(in: folder))
      lines += try Self.lines(Limiter(at: limiter))
    }
    let hasCheckpoint = access(checkpoint, F_OK) == 0
    if parts.contains(.checkpoint) || parts.isEmpty && hasCheckpoint {
      try require(hasCheckpoint, "checkpoint", checkpoint)
      lines.append(try Self.line(Checkpoint(path: checkpoint).summary()))
    }
    if parts.isEmpty { try require(limiter.isThere || hasCheckpoint, "state", folder.path) }
    return try stop.print(lines)
  }

  private func require(_ isThere: Bool, _ what: String, _ path: String) throws(Fatal) {
    guard !isThere else { return }
    throw Fatal(
      .inputOutput, "there is no \(what) at \(path). Name its folder with --state.")
  }

  private static func lines(_ limiter: Limiter) throws(Fatal) -> [String] {
    try limiter.status().map(\.json.description)
  }

  private static func line(_ summary: Checkpoint.Summary) -> String {
    var errors = JSONObject()
    for (kind, count) in summary.errors { errors[kind] = .int(count) }
    return JSON.object([
      "fetched": .int(summary.fetched), "bytes": .int(summary.bytes), "errors": .object(errors),
    ]).description
  }
}

/// `fetch checkpoint`: to pack one, move it, or join two.
struct CheckpointCommand: Tool {
  enum Action: String, CaseIterable, ExpressibleByArgument {
    case export, `import`
  }

  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Export the checkpoint as JSON lines, or import them.",
    usage: "fetch checkpoint export|import [OPTION]…",
    discussion: """
      A line has the columns of the table (docs/fetch.md). Of two lines for the same document, the newer counts. \
      Files of the spool are found by their id; their SHA-256 decides.

        fetch checkpoint export | zstd > checkpoint.jsonl.zst
        zstdcat checkpoint.jsonl.zst | fetch checkpoint import --state /srv/conveyor

      \(ToolExit.table)
      """)

  @Argument(help: "What to do.")
  var action: Action

  @OptionGroup var place: StateOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let folder = try place.folder()
    let path = "\(folder.path)/checkpoint.sqlite"
    guard action == .import else {
      guard access(path, F_OK) == 0 else {
        throw Fatal(
          .inputOutput, "there is no checkpoint at \(path). Name its folder with --state.")
      }
      let output = LineWriter(descriptor: STDOUT_FILENO, stop: stop)
      try Checkpoint(path: path).export { output.write($0) && !stop.isRequested }
      return try stop.exitCode()
    }
    umask(0o077)
    try Spool.makeDirectories(folder.path)
    var input = LineReader(descriptor: STDIN_FILENO, stop: stop)
    let imported = try Checkpoint(path: path).take { () throws(Fatal) in
      switch try input.next() {
      case .line(let line): return line
      case .tooLong: throw Fatal(.notRecords, "a line is longer than 1 MiB")
      case nil: return nil
      }
    }
    logger.notice(
      """
      took \(Format.count(imported.taken)) documents; of \(Format.count(imported.known)) the checkpoint knew \
      something as new
      """)
    return try stop.exitCode()
  }
}

/// `fetch probe`.
struct ProbeCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Ask each portal for one page, and print the answer.",
    usage: "fetch probe [OPTION]…",
    discussion: """
      Asks for no document. Keeps to the budget that runs have, where there is one.

        fetch probe --stage stage-0-test

      \(ToolExit.table)
      """)

  @OptionGroup var requests: RequestOptions
  @OptionGroup var place: StateOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let settings = try requests.settings(try requests.stages.load())
    let location = try LimiterLocation(place.limiter(in: try place.folder()))
    // A probe makes no limiter.
    let limiter =
      try location.isThere
      ? Limiter(at: location, names: settings.budgets, stop: stop) { _ in } : Limiter()
    return try stop.print(try Probe(settings, limiter: limiter, stop: stop, logger: logger).run())
  }
}

/// `fetch pipeline`: for the driver.
struct PipelineCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "pipeline",
    abstract: "Print the tools of the stage's pipeline, one a line.",
    usage: "fetch pipeline --stage NAME [OPTION]…", discussion: ToolExit.table,
    shouldDisplay: false)

  @OptionGroup var stages: StageOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    guard let stage = try stages.load() else {
      throw Fatal(.usage, "a pipeline is a stage's. Name one with --stage.")
    }
    return try stop.print(stage.pipeline)
  }
}

/// `fetch replay-workers`: what `--workers auto` would have decided on noted answers, for benchmarks.
struct ReplayWorkersCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "replay-workers", abstract: "Replay the decisions of --workers auto.",
    shouldDisplay: false)

  @Option(help: "Begin with this many, as a plan would say.")
  var start: Int?

  @OptionGroup var range: WorkerRange
  @OptionGroup var access: PortalAccessOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    var adaptive = range.adaptive(
      delay: access.rateLimitDelay?.seconds ?? 0, start.map { ($0, nil) })
    adaptive.replay({ readLine() }) { _ = writeAll(Array($0.utf8), to: STDOUT_FILENO) }
    return .success
  }
}
