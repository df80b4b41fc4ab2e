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
    abstract: "Fetch the documents of a stream of records from their portals, politely.",
    discussion: """
      Reads records (one JSON object with an "id" on each line) from standard input, fetches each
      document into the spool directory, and writes the records with a member "fetch" to standard
      output. A record is asked for at the portal of its book, or at its own "url".

        printf '{"id":"1","url":"https://example.org/a.pdf"}\\n' | fetch --spool ./pdf

      \(ToolExit.table)
      """)

  @OptionGroup var log: LogOptions

  @Option(
    help:
      "Threads that fetch, or auto: as many as the portal has use for. (default: the stage's, else 5)"
  )
  var workers: WorkerCount?

  @Option(help: "Fewest threads with --workers auto.")
  var minWorkers = 1

  @Option(help: "Most threads with --workers auto.")
  var maxWorkers = 32

  @Option(
    help: """
      Directory for the limiter, the checkpoint and the spool. \
      (default: conveyor in XDG_STATE_HOME or ~/.local/state)
      """)
  var state: String?

  @Option(help: "Directory for fetched documents. (default: STATE/spool)")
  var spool: String?

  @Option(
    help: """
      The limiter, to share one budget: a file, or postgres://HOST/NAME for several machines. \
      (default: STATE/limiter.sqlite)
      """)
  var limiter: String?

  @OptionGroup var stages: StageOptions

  @Option(help: "A portal, by name or file; may be repeated. (default: the stage's)")
  var portal: [String] = []

  @Option(help: "Where portals are found by name.")
  var portalsDir = "portals"

  @Option(help: "The portal's address, instead of the one in the portal file.")
  var portalBase: String?

  @Option(
    help: "Seconds between two requests to a host. (default: the stage's, else 0.5)",
    transform: seconds)
  var rateLimitDelay: Double?

  @Option(help: "The same as a rate: 5/15s are five requests in 15 seconds.", transform: pace)
  var rate: RateLimit?

  @Option(help: "So many requests may follow each other at once after a rest.")
  var burst = 1

  @Option(help: "Further attempts for what may pass (network, timeout, 408, 429, 5xx).")
  var retries = 3

  @Option(help: "First wait before another attempt; doubles each time.", transform: seconds)
  var retryBase = 2.0

  @Option(help: "No attempt begins later than this after the first.", transform: seconds)
  var retryMaxTime: Double?

  @Option(
    help: """
      How long to wait for a portal that refuses every document, before the run ends with 69; a minute \
      where nothing was ever good in this run.
      """, transform: seconds)
  var outageLimit = 21_600.0

  @Option(help: "Longest time for one transfer.", transform: seconds)
  var timeout = 600.0

  @Option(help: "Longest time for a connection to be made.", transform: seconds)
  var connectTimeout = 30.0

  @Option(help: "A transfer slower than this many bytes per second …")
  var lowSpeedLimit = 100

  @Option(help: "… for this long is given up.", transform: seconds)
  var lowSpeedTime = 60.0

  @Option(help: "Largest document, in bytes.")
  var maxFilesize = 256 << 20

  @Option(help: "Proxy. (default: curl's environment variables)")
  var proxy: String?

  @Option(help: "File with the certificates to trust, instead of the system's.")
  var cacert: String?

  @Option(help: "The User-Agent field. (default: Conveyor, with the contact)")
  var userAgent: String?

  @Option(help: "Where the portal's owner can reach you; added to the User-Agent.")
  var contact: String?

  @Option(help: "A further header field, \"Name: value\"; may be repeated.", transform: field)
  var header: [HeaderField] = []

  @Option(help: "File with the client certificate (PEM).")
  var cert: String?

  @Option(help: "File with the client certificate's key (PEM).")
  var key: String?

  @Flag(help: "Speak HTTP/1.1 even where the server offers HTTP/2.")
  var disableHttp2 = false

  @Flag(help: "Ask for documents that are there whether they have changed (ETag, Last-Modified).")
  var recheck = false

  @Option(help: "For documents with other pages than the index counts (num_pages): warn, or fail.")
  var pageMismatch = PageMismatch.warn

  @Flag(
    name: [.customShort("n"), .long],
    help: "Say what would be requested, and request nothing.")
  var dryRun = false

  @Flag(
    help: """
      Ask each portal for one page, print what it answered, and end; no document is asked for.
      """)
  var probe = false

  @Flag(help: "Print the tools of the stage's pipeline, one a line, and end.")
  var printPipeline = false

  @Flag(help: "Print each host's budget (next slot, pause, refusals) as JSON lines, and end.")
  var limiterStatus = false

  @Flag(help: "Print what the checkpoint remembers as JSON, and end.")
  var checkpointStatus = false

  @Flag(help: .hidden)
  var replayWorkers = false

  private static func seconds(_ text: String) throws -> Double {
    guard let seconds = Time.span(text) else {
      throw ValidationError("\(Format.quoted(text)) is no time: seconds, or 500ms, 30s, 5m, 2h")
    }
    return seconds
  }

  /// One field of a request's header.
  struct HeaderField: Sendable {
    let name: String
    let value: String
  }

  /// A field as curl takes it. What is no field is not shown: it may be the secret that belongs into one.
  private static func field(_ text: String) throws -> HeaderField {
    let colon = text.firstIndex(of: ":") ?? text.endIndex
    let (name, value) = (text[..<colon], text[colon...].dropFirst())
    // RFC 9110, section 5.6.2: token.
    let isToken = name.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
        || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
    guard colon < text.endIndex, !name.isEmpty, isToken else {
      throw ValidationError("a header field is written with its name and a colon: Name: value")
    }
    guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw ValidationError("the value of the header field \(name) has control characters")
    }
    return HeaderField(name: String(name), value: String(value.drop { $0 == " " }))
  }

  private static func pace(_ text: String) throws -> RateLimit {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let unit = parts.count == 2 ? Time.span(parts[1]) ?? Time.span("1" + parts[1]) : nil
    guard let count = Double(parts[0]), count > 0, count.isFinite, let unit, unit > 0 else {
      throw ValidationError("\(Format.quoted(text)) is no rate: 2/s, 5/15s, 100/h")
    }
    return RateLimit(delay: unit / count)
  }

  func validate() throws {
    guard rate == nil || rateLimitDelay == nil else {
      throw ValidationError("--rate and --rate-limit-delay say the same: give one of them")
    }
    guard (1...1000).contains(burst) else {
      throw ValidationError("--burst has to be from 1 to 1000")
    }
    guard (1...256).contains(minWorkers), (minWorkers...256).contains(maxWorkers) else {
      throw ValidationError(
        "--min-workers and --max-workers have to be from 1 to 256, in this order")
    }
    guard retries >= 0 else { throw ValidationError("--retries has to be 0 or more") }
    guard maxFilesize > 0, lowSpeedLimit >= 0 else {
      throw ValidationError("--max-filesize and --low-speed-limit have to be positive")
    }
    let fields = [userAgent, contact].compactMap { $0 }.joined()
    guard fields.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      throw ValidationError("--user-agent and --contact have to be printable ASCII")
    }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let stage = try stages.load()
    umask(0o077)
    if replayWorkers {
      var adaptive = AdaptiveWorkers(
        minimum: minWorkers, maximum: maxWorkers, delay: rateLimitDelay ?? 0)
      adaptive.replay({ readLine() }) { _ = writeAll(Array($0.utf8), to: STDOUT_FILENO) }
      return .success
    }
    if printPipeline {
      guard let stage else { throw Fatal(.usage, "--print-pipeline needs --stage") }
      return print(stage.pipeline, stop)
    }
    let place = try StateFolder(named: state)
    if let answer = try answer(place) { return print(answer, stop) }
    var settings = try settings(stage)
    if probe { return print(try probe(settings, place, stop), stop) }
    let workers = threads(stage)
    // While some hold documents of which it is not known whose fault a refusal is, others work: enough
    // for two portals, or two steps of one, that refuse at the same time.
    let threads = workers + 2 * (settings.outages.threshold - 1)
    settings.threads = threads
    if !dryRun { try prepare(place, logger) }
    let services = FetchServices(
      settings: settings,
      spool: try Spool(root: spool ?? "\(place.path)/spool", isDryRun: dryRun),
      limiter: try makeLimiter(in: place, stop, logger),
      checkpoint: try Checkpoint(path: checkpoint(in: place)), stop: stop, workers: workers,
      adaptive: adaptive(settings), notice: notice(in: place), logger: logger)
    let loop = RecordLoop(tool: "fetch", workers: threads, stop: stop, logger: logger)
    return loop.run { number in try Fetcher(services, worker: number, logger: logger) }
  }

  /// Through the budget that runs have, where there is one; a probe makes none.
  private func probe(
    _ settings: FetchSettings, _ place: StateFolder, _ stop: ShutdownSignal
  ) throws -> [String] {
    let location = try LimiterLocation(limiter(in: place))
    var isThere = true
    if case .file(let path) = location { isThere = access(path, F_OK) == 0 }
    let limiter = try isThere ? Limiter(at: location, stop: stop) { _ in } : Limiter()
    return try Probe(settings, limiter: limiter, stop: stop).run()
  }

  private func threads(_ stage: Stage?) -> Int {
    switch workers {
    case .auto: maxWorkers
    case .fixed(let number): number
    case nil: stage?.workers ?? 5
    }
  }

  private func notice(in place: StateFolder) -> OutageNotice? {
    dryRun ? nil : OutageNotice(tool: "fetch", folder: "\(place.path)/outages")
  }

  private func adaptive(_ settings: FetchSettings) -> AdaptiveWorkers? {
    guard workers == .auto else { return nil }
    return AdaptiveWorkers(minimum: minWorkers, maximum: maxWorkers, delay: settings.pace.delay)
  }

  /// Makes the folders, and says where they are, if that may surprise.
  private func prepare(_ place: StateFolder, _ logger: Logger) throws(Fatal) {
    try Spool.makeDirectories(place.path)
    if limiter == nil { try Spool.makeDirectories(Self.directory(of: place.limiter)) }
    if let note = place.note { logger.warning("\(note)") }
  }

  private func makeLimiter(
    in place: StateFolder, _ stop: ShutdownSignal, _ logger: Logger
  ) throws(Fatal) -> Limiter {
    let location = try LimiterLocation(limiter(in: place))
    // A dry run writes nothing.
    if dryRun { return try Limiter() }
    return try Limiter(at: location, stop: stop) { logger.warning("\($0)") }
  }

  private func limiter(in place: StateFolder) -> String { limiter ?? place.limiter }

  // A dry run writes nothing: SQLite keeps a database of this name in memory.
  private func checkpoint(in place: StateFolder) -> String {
    dryRun ? ":memory:" : "\(place.path)/checkpoint.sqlite"
  }

  private static func directory(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  /// What the flags that only ask want to know.
  private func answer(_ place: StateFolder) throws(Fatal) -> [String]? {
    if limiterStatus { return try StateOutput.limiter(limiter(in: place)) }
    if checkpointStatus { return try StateOutput.checkpoint(checkpoint(in: place)) }
    return nil
  }

  private func print(_ lines: [String], _ stop: ShutdownSignal) -> ToolExit {
    LineWriter(descriptor: STDOUT_FILENO, stop: stop).write(lines.map { Array($0.utf8) })
    return .success
  }

  private func settings(_ stage: Stage?) throws(Fatal) -> FetchSettings {
    var settings = FetchSettings()
    let names = portal.isEmpty ? stage?.portals ?? [] : portal
    for name in names {
      settings.portals.append(try Portal(named: name, in: portalsDir, base: portalBase))
    }
    let explicit = rate?.delay ?? rateLimitDelay
    settings.paceIsExplicit = explicit != nil
    settings.pace = RateLimit(
      delay: explicit ?? stage?.rateLimitDelay ?? settings.pace.delay, burst: burst)
    settings.rechecks = recheck
    settings.pageMismatch = pageMismatch
    settings.retry = RetryPolicy(retries: retries, base: retryBase, maximumTime: retryMaxTime)
    settings.isDryRun = dryRun
    settings.outages = OutagePolicy(firstDistance: 2.5 * retryBase, limit: outageLimit)
    settings.transfer.connectTimeout = connectTimeout
    settings.transfer.totalTimeout = timeout
    settings.transfer.lowSpeedLimit = lowSpeedLimit
    settings.transfer.lowSpeedTime = Int(lowSpeedTime.rounded(.up))
    settings.transfer.maximumBody = maxFilesize
    settings.transfer.proxy = proxy
    settings.transfer.caFile = cacert
    settings.transfer.headers = header.map { ($0.name, $0.value) }
    settings.transfer.certificate = cert
    settings.transfer.key = key
    settings.transfer.usesHTTP2 = !disableHttp2
    settings.transfer.userAgent = userAgent ?? "Conveyor/0.1" + (contact.map { " (\($0))" } ?? "")
    return settings
  }
}

extension PageMismatch: ExpressibleByArgument {}
