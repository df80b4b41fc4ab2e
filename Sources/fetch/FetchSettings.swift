import Limiter
import Checkpoint
import Common
import Glibc
import Logging
import HTTP

/// Everything that a run of `fetch` needs to know: parsed once, shared by all workers, never changed.
struct FetchSettings: Sendable {
  /// The stage's name, if it is a stage's run.
  var stage: String?
  var portals: [Portal] = []
  /// How quickly a host is asked, where its portal file does not say.
  var pace = RateLimit(delay: 0.5)
  /// Whether that comes before what portal files say.
  var paceIsExplicit = false
  var retry = RetryPolicy(retries: 3)
  /// Redirects that are followed for one request (docs/promises.md, "Security").
  var maximumRedirects = 5
  var transfer = TransferSettings()
  /// Asks for documents that are there whether they have changed.
  var rechecks = false
  /// What a document gets whose pages are not as many as the index counts.
  var pageMismatch = PageMismatch.warn
  /// Bytes that the spool may hold; `nil` for as much as there is.
  var spoolLimit: Int?
  /// The program that looks into PDFs.
  var inspector = "/proc/self/exe"
  /// Says what would be requested, and requests nothing.
  var isDryRun = false
  var outages = OutagePolicy()
  /// Whether what hosts say in robots.txt is read.
  var robots = Robots.Mode.ignore
  /// Threads that take documents; `nil` where there is no loop.
  var threads: Int?
  /// Seconds that transfers under way may go on after an interruption.
  var graceAfterStop = 5.0

  /// Whether something is sent that proves who asks.
  var hasCredentials: Bool {
    transfer.certificate != nil
      || transfer.headers.contains {
        ["authorization", "cookie", "x-api-key"].contains($0.name.lowercased())
      }
  }

  /// Hosts that portal files name as one machine, and what the limiter calls them.
  var budgets: [String: String] {
    var names: [String: String] = [:]
    for portal in portals {
      guard let budget = portal.budget else { continue }
      for host in portal.hosts.compactMap({ WebURL("http://\($0)/") }) + [portal.base] {
        names[host?.budget ?? budget] = budget
      }
    }
    return names
  }

  /// How quickly a portal is asked: what the operator says now, else its own file, else the stage.
  func pace(of portal: Portal) -> RateLimit {
    guard !paceIsExplicit, let delay = portal.delay else { return pace }
    return RateLimit(delay: delay, burst: pace.burst)
  }
}

/// What a number of pages that differs from the index means.
enum PageMismatch: String, Sendable, CaseIterable {
  /// It is written down, in the log and in the record.
  case warn
  /// The document fails.
  case fail
}

/// What all workers of a run share.
final class FetchServices: Sendable {
  let settings: FetchSettings
  let spool: Spool
  let limiter: Limiter
  let checkpoint: Checkpoint
  let stop: ShutdownSignal
  let idsInWork = IDsInWork()
  let headerSecrets: HeaderSecrets
  let gate: OutageGate
  let samples = Samples()
  let logins = LoginTurns()
  let robots: Robots
  /// How much of pages is read at once.
  let pages = PageQueue()
  let inspectors: Inspectors
  let room: SpoolRoom
  /// How many workers may work; `nil` for all of them, all the time.
  let adaptive: AdaptiveLimit
  /// What the dashboard shows of the requests.
  let traffic: Traffic
  /// What `fetch plan` learns from; `nil` where nothing is noted.
  let sampleLog: SampleLog?
  /// Where `fetch explain` learns what was asked and answered.
  let trace: Trace?

  init(
    settings: FetchSettings, spool: Spool, limiter: Limiter, checkpoint: Checkpoint,
    stop: ShutdownSignal,
    workers: Int = .max, adaptive: AdaptiveWorkers? = nil, notice: OutageNotice? = nil,
    samples: String? = nil, trace: Trace? = nil, logger: Logger
  ) {
    self.trace = trace
    self.settings = settings
    self.spool = spool
    self.limiter = limiter
    self.checkpoint = checkpoint
    self.stop = stop
    room = SpoolRoom(limit: settings.spoolLimit, root: spool.root, logger: logger)
    inspectors = Inspectors(
      stop: stop, grace: settings.graceAfterStop, executable: settings.inspector)
    let proxies = settings.transfer.proxy.map { [$0] } ?? HeaderSecrets.proxiesOfEnvironment()
    robots = Robots(
      trace == nil && !settings.isDryRun ? settings.robots : .ignore, settings.transfer,
      limiter: limiter, stop: stop, logger: logger)
    headerSecrets = HeaderSecrets(
      headers: settings.transfer.headers, proxies: proxies,
      others: settings.portals.flatMap { Array($0.secrets.values) })
    let limit = AdaptiveLimit(adaptive)
    self.adaptive = limit
    traffic = Traffic(limit)
    sampleLog = samples.map {
      SampleLog(path: $0, names: settings.budgets, logger: logger) { limit.workers ?? workers }
    }
    let turns = WorkerTurns(expected: settings.threads ?? 0) { limit.workers ?? workers }
    gate = OutageGate(settings.outages, turns: turns, stop: stop, notice: notice, logger: logger)
  }
}

/// How many workers may work, where that is found out.
final class AdaptiveLimit: Sendable {
  private let state: Lock<AdaptiveWorkers?>
  private let last = Lock<AdaptiveWorkers.Decision?>(nil)

  /// The last change of mind.
  var decision: AdaptiveWorkers.Decision? { last.withLock { $0 } }

  init(_ workers: AdaptiveWorkers?) { state = Lock(workers) }

  /// So many; `nil` for all of them, all the time.
  var workers: Int? { state.withLock { $0?.limit } }

  /// See ``AdaptiveWorkers/finished(latency:isDropped:now:)``.
  func finished(latency: Double, isDropped: Bool, now: Int64) -> AdaptiveWorkers.Decision? {
    let decision = state.withLock {
      $0?.finished(latency: latency, isDropped: isDropped, now: now)
    }
    if let decision { last.withLock { $0 = decision } }
    return decision
  }
}

extension AddressRule {
  /// What a link may lead to that came from a server at `address`: a public server may not send us
  /// into a private network.
  func tightened(after address: String?) -> AddressRule {
    guard let address, let bytes = AddressRule.bytes(of: address) else { return self }
    return AddressRule.isPublic(bytes) ? .publicOnly : self
  }

  private static func bytes(of address: String) -> [UInt8]? {
    var v4 = in_addr()
    if inet_pton(AF_INET, address, &v4) == 1 { return withUnsafeBytes(of: v4) { Array($0) } }
    var v6 = in6_addr()
    if inet_pton(AF_INET6, address, &v6) == 1 { return withUnsafeBytes(of: v6) { Array($0) } }
    return nil
  }
}
