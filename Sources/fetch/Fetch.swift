import Limiter
import Checkpoint
import Files
import ArgumentParser
import CLI
import Common
import Glibc
import Logging
import Config
import HTTP

struct Fetch: Tool {
  static let configuration = CommandConfiguration(
    commandName: "fetch",
    abstract: "Fetch the documents of records from their portals, politely.",
    usage: "fetch [OPTION]…\nfetch SUBCOMMAND [OPTION]…",
    discussion: """
      Reads records (JSON lines with an "id"), fetches their documents from portals or their "url", and \
      adds "fetch". Rarer options: --help-all.

        printf '{"id":"1","url":"https://example.org/a.pdf"}\\n' | fetch --spool ./pdf

      \(ToolExit.table)
      """,
    subcommands: [
      StatusCommand.self, CheckpointCommand.self, LimiterCommand.self, ExplainCommand.self,
      PortalTestCommand.self, PlanCommand.self,
      ProbeCommand.self, PipelineCommand.self, ReplayWorkersCommand.self,
    ])

  static let oldOptions: [String: OldOption] = [
    "probe": .flag(subcommand: "probe"), "print-pipeline": .flag(subcommand: "pipeline"),
    "limiter-status": .flag(subcommand: "status", argument: "limiter"),
    "checkpoint-status": .flag(subcommand: "status", argument: "checkpoint"),
    "replay-workers": .flag(subcommand: "replay-workers"), "key": .renamed("cert-key"),
  ]

  @OptionGroup var requests: RequestOptions

  @Option(help: ArgumentHelp("Fetch with this many threads, or auto.", valueName: "n"))
  var workers: FetchWorkers?

  @OptionGroup var range: WorkerRange
  @OptionGroup var place: StateOptions
  @OptionGroup var samples: SampleOptions

  @Option(help: .spool)
  var spool: String?

  @Option(
    help: .rare(
      "Begin no document while the spool holds this much; wait until it was uploaded.",
      valueName: "size"))
  var spoolLimit: ByteCount?

  @Option(help: .rare("Retry transient errors this often (network, timeout, 408, 429, 5xx)."))
  var retries = 3

  @Option(
    help: .rare("Stop retrying this long after the first attempt.", valueName: "time"))
  var retryMaxTime: TimeSpan?

  @Option(help: .outageLimit)
  var outageLimit = TimeSpan(seconds: 21_600)

  @Flag(help: .rare("Ask whether fetched documents have changed (ETag, Last-Modified)."))
  var recheck = false

  @Option(help: .rare("Log or fail documents with other pages than the index says."))
  var pageMismatch = PageMismatch.warn

  @Option(
    help: .rare("Heed the delay that robots.txt asks for and tell what it forbids, or ignore it."))
  var robots = Robots.Mode.respect

  @Flag(name: .dryRun, help: .dryRun)
  var dryRun = false

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard retries >= 0 else {
      throw ValidationError("--retries must be 0 or more; it is \(retries).")
    }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let stage = try requests.stages.load()
    umask(0o077)
    let folder = try place.folder()
    var settings = try settings(stage)
    let adaptive = adaptive(settings, folder, logger)
    let workers = adaptive?.maximum ?? threads(stage)
    // While some hold documents of which it is not known whose fault a refusal is, others work: enough
    // for two portals, or two steps of one, that refuse at the same time.
    let threads = workers + 2 * (settings.outages.threshold - 1)
    settings.threads = threads
    if !dryRun { try prepare(folder, logger) }
    let services = FetchServices(
      settings: settings,
      spool: try Spool(root: spool ?? "\(folder.path)/spool", isDryRun: dryRun),
      limiter: try makeLimiter(settings.budgets, in: folder, stop, logger),
      // A dry run writes nothing: SQLite keeps a database of this name in memory.
      checkpoint: try Checkpoint(
        path: dryRun ? ":memory:" : "\(folder.path)/checkpoint.sqlite", waiting: workers),
      stop: stop, workers: workers, adaptive: adaptive, notice: notice(in: folder),
      samples: dryRun ? nil : samples.path(in: folder), logger: logger)
    let status =
      dryRun ? nil : StatusNotice(tool: "fetch", state: folder.path) { services.traffic.json }
    let loop = RecordLoop(
      tool: "fetch", workers: threads, stop: stop, logger: logger, status: status)
    services.sampleLog?.begin()
    defer { services.sampleLog?.end() }
    return loop.run { number in try Fetcher(services, worker: number, logger: logger) }
  }

  private func threads(_ stage: Stage?) -> Int {
    switch workers {
    case .fixed(let number): number
    case .auto, nil: stage?.workers ?? 5
    }
  }

  private func notice(in folder: StateFolder) -> OutageNotice? {
    dryRun ? nil : OutageNotice(tool: "fetch", folder: "\(folder.path)/outages")
  }

  /// What finds the number of workers, where none is given. It begins with what the samples of earlier runs say.
  private func adaptive(
    _ settings: FetchSettings, _ folder: StateFolder, _ logger: Logger
  ) -> AdaptiveWorkers? {
    guard workers == .auto else { return nil }
    let asked = settings.asked()
    // Samples are for people and their plans: a file that cannot be read stops no run.
    let known = (try? WindowSample.read(samples.path(in: folder)))?.samples ?? []
    let plan = WorkerPlan(
      known, asked: asked, now: Time.wallSeconds(), offset: LocalTime.offset)
    if let (start, ceiling) = plan.bounds {
      let most = ceiling.map { ", \($0) at most" } ?? ""
      logger.info("workers: begins with \(start)\(most), by the samples of earlier runs")
    }
    return range.adaptive(delay: Self.delay(asked, settings), plan.bounds)
  }

  /// Seconds between two requests of a run, over all the hosts that it asks.
  private static func delay(_ asked: [WorkerPlan.Asked], _ settings: FetchSettings) -> Double {
    let delays = asked.compactMap { $0.steering.delay ?? $0.delay }
    guard !delays.isEmpty else { return settings.pace.delay }
    return 1 / delays.reduce(0) { $0 + 1 / $1 }
  }

  /// Makes the folders, and says where they are, if that may surprise.
  private func prepare(_ folder: StateFolder, _ logger: Logger) throws(Fatal) {
    try Spool.makeDirectories(folder.path)
    try place.makeLimiterFolder(folder)
    if let note = folder.note { logger.warning("\(note)") }
  }

  private func makeLimiter(
    _ budgets: [String: String], in folder: StateFolder, _ stop: ShutdownSignal, _ logger: Logger
  ) throws(Fatal) -> Limiter {
    let location = try LimiterLocation(place.limiter(in: folder))
    // A dry run writes nothing.
    if dryRun { return try Limiter() }
    return try Limiter(at: location, names: budgets, stop: stop) { logger.warning("\($0)") }
  }

  private func settings(_ stage: Stage?) throws(Fatal) -> FetchSettings {
    var settings = try requests.settings(stage)
    settings.stage = stage?.name
    settings.rechecks = recheck
    settings.spoolLimit = spoolLimit?.bytes
    settings.pageMismatch = pageMismatch
    settings.retry = RetryPolicy(
      retries: retries, base: settings.retry.base, maximumTime: retryMaxTime?.seconds)
    settings.isDryRun = dryRun
    settings.robots = robots
    settings.outages = OutagePolicy(
      firstDistance: 2.5 * settings.retry.base, limit: outageLimit.seconds)
    return settings
  }
}

extension PageMismatch: ExpressibleByArgument {}
extension Robots.Mode: ExpressibleByArgument {}

/// Where limiter and checkpoint are.
struct StateOptions: ParsableArguments {
  @Option(help: .state)
  var state: String?

  @Option(help: .limiter)
  var limiter: String?

  func folder() throws(Fatal) -> StateFolder { try StateFolder(named: state) }

  func limiter(in folder: StateFolder) -> String { limiter ?? folder.limiter }

  /// Makes the folder that the limiter is in, unless the user named a place.
  func makeLimiterFolder(_ folder: StateFolder) throws(Fatal) {
    guard limiter == nil else { return }
    let directory = folder.limiter.lastIndex(of: "/").map { String(folder.limiter[..<$0]) }
    try Spool.makeDirectories(directory ?? ".")
  }
}

/// The argument of `--workers`: a number, or `auto`.
enum FetchWorkers: OptionType {
  static let form = "Write a number of workers from 1 to 512, or auto."

  case fixed(Int)
  case auto

  init?(parsing text: String) {
    if text == "auto" {
      self = .auto
    } else if let count = WorkerCount(parsing: text) {
      self = .fixed(count.value)
    } else {
      return nil
    }
  }
}

/// The bounds of `--workers auto`.
struct WorkerRange: ParsableArguments {
  @Option(help: .rare("Use at least this many threads with --workers auto.", valueName: "n"))
  var minWorkers = WorkerCount(1)

  @Option(help: .rare("Use at most this many threads with --workers auto.", valueName: "n"))
  var maxWorkers = WorkerCount(32)

  func validate() throws {
    guard minWorkers.value <= maxWorkers.value else {
      throw ValidationError(
        "--min-workers must not exceed --max-workers; they are \(minWorkers.value) and "
          + "\(maxWorkers.value).")
    }
  }

  /// - Parameters:
  ///   - delay: seconds between two requests.
  ///   - plan: where to begin, and how far to go, where something is known.
  func adaptive(delay: Double, _ plan: (start: Int, ceiling: Int?)? = nil) -> AdaptiveWorkers {
    let most = min(maxWorkers.value, plan?.ceiling ?? .max)
    return AdaptiveWorkers(
      minimum: minWorkers.value, maximum: most, delay: delay, start: plan?.start)
  }
}
