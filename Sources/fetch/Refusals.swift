import Common
import HTTP

/// An attempt that failed: the document's error, should it be its own, and what it is for everybody.
struct FetchFailure: Error, CustomStringConvertible {
  let error: RecordError
  var description: String { error.message }
  let refusal: Refusal
  /// Whether there was nobody to talk to, or nobody who could prove to be the one.
  var isUnreachable = false
}

/// A session is over: it has to be begun again before the document pays for it.
struct SessionEnded: Error, CustomStringConvertible {
  let error: RecordError
  var description: String { error.message }

  init(_ error: RecordError) { self.error = error }
}

extension FetchFailure {
  /// What a portal answered instead of a document. `hasCredentials` says whether something was sent that
  /// proves who asks.
  init(
    _ error: RecordError, status: Int, url: WebURL, context: RequestContext,
    hasCredentials: Bool,
    hiding headerSecrets: HeaderSecrets
  ) {
    let isLoginRefused = context.step.isLogin && error.kind == .restricted
    let isPageMissing = context.step.purpose.isPage && [404, 405, 410, 501].contains(status)
    let isAboutCredentials =
      status == 401 || status == 407 || status == 403 && hasCredentials || isLoginRefused
    self.error = headerSecrets.hidden(
      in: RecordError(
        error.kind, "\(error.message) (\(url.redacted))",
        isRetryable: error.isRetryable || isLoginRefused))
    refusal = Refusal(
      headerSecrets.hidden(in: error.message),
      advice: isLoginRefused
        ? "Check the secrets that \(context.portal.name) names, and its login steps with fetch explain."
        : Self.advice(error, status: status, isPageMissing: isPageMissing),
      isNeverTheDocuments: isPageMissing || status == 407 || context.step.isLogin,
      // A password that is wrong is tried once: sites lock accounts.
      isHopeless: isLoginRefused,
      ending: isAboutCredentials ? .permission : .unavailable)
  }

  private static func advice(_ error: RecordError, status: Int, isPageMissing: Bool) -> String {
    let again =
      error.isRetryable
      ? ""
      : " What failed of it before comes back with conveyor enqueue retry --index … --class "
        + "\(error.kind.rawValue)."
    switch status {
    case 401, 407:
      return "Check the log-in that --header, --cert or --proxy gives." + again
    case 403, 451:
      return "The portal may have blocked this client: ask its owner, or check --header and --cert."
        + again
    case _ where isPageMissing:
      return "Check the address (--portal-base) and the portal file: the portal may have moved."
    case 404, 410:
      return "Check the address (--portal-base) and the portal file: the portal may have moved."
        + again
    case 200: return "Look at the portal in a browser: it may want a log-in, or be closed." + again
    default: return String(again.dropFirst())
    }
  }

  /// A transfer that broke, or never was. Throws where it is this machine's trouble, or a stop.
  init(
    _ error: TransferError, url: WebURL, portal: Portal, hiding headerSecrets: HeaderSecrets
  ) throws {
    let met = try RecordError(error, url: url)
    if met.kind == .interrupted { throw met }
    self.error = headerSecrets.hidden(in: met)
    let isCertificate = error.kind == .certificate
    isUnreachable = error.isWithoutConnection || isCertificate
    // A record's own address may be wrong by itself; a portal's is the same for all.
    let isPortals = portal.base != nil
    refusal = Refusal(
      headerSecrets.hidden(in: error.description),
      advice: isCertificate
        ? "If you trust it, name the file with its authority's certificate with --cacert."
        : isUnreachable
          ? "Check the address (--portal-base), the network and --proxy." : "",
      isNeverTheDocuments: isPortals && isUnreachable,
      isHopeless: isCertificate)
  }
}

extension FetchServices {
  /// What a portal answered to this run's requests instead of a document.
  func failure(
    _ error: RecordError, status: Int, _ url: WebURL, _ context: RequestContext
  ) -> FetchFailure {
    FetchFailure(
      error, status: status, url: url, context: context, hasCredentials: settings.hasCredentials,
      hiding: headerSecrets)
  }
}

extension Requester {
  /// The one error of several attempts: a final one, else the last of the class met most often, so that
  /// a connection that happens to break last does not hide what the portal says all the time.
  static func verdict(of failures: [RecordError]) -> RecordError {
    guard let last = failures.last, last.isRetryable else { return failures.last ?? .stopped }
    let counts = Dictionary(grouping: failures, by: \.kind).mapValues(\.count)
    let most = failures.filter { counts[$0.kind] == counts.values.max() }
    // Of two classes met equally often, an answer says more than the lack of one.
    let isAnswer = { (error: RecordError) in
      ![.network, .timeout, .rateLimited].contains(error.kind)
    }
    return most.last(where: isAnswer) ?? most.last ?? last
  }
}

extension OutageGate.Scope {
  /// What fails as one: a portal's step, at the server that is asked.
  static func server(_ url: WebURL, _ context: RequestContext) -> OutageGate.Scope {
    let name = context.portal.name
    if context.step.isLogin {
      // A group of its own: that the page with the form is there says nothing about the password.
      return OutageGate.Scope(
        key: "\(name)|\(context.step.name)|\(url.origin)",
        name: "the portal \(name) (\(url.origin), log-in)")
    }
    let step =
      !context.step.purpose.isPage
      ? "documents" : context.step.number == 1 ? "look-up" : context.step.name
    return OutageGate.Scope(
      key: "\(name)|\(step)|\(url.origin)",
      name: name.isEmpty ? url.origin : "the portal \(name) (\(url.origin), \(step))",
      group: url.origin)
  }

  /// All servers: whether any can be reached. Watched for records that bring their own addresses, of
  /// which each may be at another server.
  static let network = OutageGate.Scope(key: "network", name: "the network")
}

/// Lets one worker at a time log in to a portal, until the first has: a password that is wrong is tried once,
/// and not by all workers.
final class LoginTurns: Sendable {
  private enum State { case busy, good }
  private let states = Lock<[String: State]>([:])

  /// Runs `body` when it is this worker's turn. Throws that the run is over.
  func whileTaken(
    _ portal: String, stop: ShutdownSignal, _ body: () throws -> Void
  ) throws {
    while !take(portal) {
      guard stop.sleep(seconds: 0.02) else { throw RecordError.stopped }
    }
    do { try body() } catch {
      states.withLock { if $0[portal] == .busy { $0[portal] = nil } }
      throw error
    }
    states.withLock { $0[portal] = .good }
  }

  private func take(_ portal: String) -> Bool {
    states.withLock { states in
      switch states[portal] {
      case .busy: return false
      case .good: return true
      case nil:
        states[portal] = .busy
        return true
      }
    }
  }
}

/// For each step of a portal the last request that was answered well: asked again, it tells whether the
/// portal refuses everybody or these documents (docs/outages.md).
final class Samples: Sendable {
  /// A request that was good.
  struct Sample: Sendable {
    let request: PortalRequest
    var context: RequestContext
    /// Throws where the answer is none.
    let read: @Sendable (PortalReply) throws(RecordError) -> Void
  }

  /// Nanoseconds for which one is new enough; what is asked for once more in an outage need not be the very last.
  private static let freshness: Int64 = 1_000_000_000

  private typealias Table = [String: (sample: Sample, time: Int64)]

  /// The latest, and those before: records that bring their own addresses may lead to any number of servers.
  private let samples = Lock<(latest: Table, before: Table)>(([:], [:]))

  /// With so many, the latest become those before, and what was before is forgotten.
  private static let most = 2048

  /// The sample of a scope.
  subscript(scope: OutageGate.Scope) -> Sample? { entry(scope)?.sample }

  /// Whether there is one.
  func has(_ scope: OutageGate.Scope) -> Bool { entry(scope) != nil }

  private func entry(_ scope: OutageGate.Scope) -> (sample: Sample, time: Int64)? {
    samples.withLock { $0.latest[scope.key] ?? $0.before[scope.key] }
  }

  /// Notes a request that was answered well. No cache between us and the portal shall answer for it.
  func note(_ sample: @autoclosure () -> Sample, in scope: OutageGate.Scope) {
    let now = Time.monotonic()
    if let entry = entry(scope), now - entry.time < Self.freshness { return }
    var sample = sample()
    sample.context.fields = [("Cache-Control", "no-cache")]
    samples.withLock { [sample] samples in
      if samples.latest.count >= Self.most { samples = ([:], samples.latest) }
      samples.latest[scope.key] = (sample, now)
    }
  }
}
