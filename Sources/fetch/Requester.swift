import Common
import Glibc
import Logging
import State
import Synchronization
import Transfer

/// Makes requests for one worker: each start, retries and redirects included, waits for the limiter;
/// what may pass is tried again.
struct Requester: ~Copyable {
  private var transfer: Transfer
  private let services: FetchServices
  private let logger: Logger
  private let worker: Int
  private var partNumber = 0

  init(_ services: FetchServices, worker: Int, logger: Logger) throws(Fatal) {
    self.services = services
    self.worker = worker
    self.logger = logger
    let stop = services.stop
    let grace = services.settings.graceAfterStop
    do throws(TransferError) {
      transfer = try Transfer(services.settings.transfer) {
        stop.isRequested && stop.age > grace
      }
    } catch {
      throw Fatal(.inputOutput, "libcurl cannot be used: \(error)")
    }
  }

  /// A good answer.
  struct Reply {
    /// Where it came from in the end.
    let url: WebURL
    let head: ResponseHead
    /// The server's address, as numbers.
    let address: String?
    let body: BodyReceiver
  }

  /// One thing to be asked for, and for which document.
  struct Errand {
    let id: String
    let portal: Portal
    let purpose: Judgement.Purpose
    var addresses = AddressRule.any
    /// Further header fields of the first request: the conditions of a recheck.
    var fields: [(name: String, value: String)] = []

    var links: LinkRule { LinkRule(hosts: portal.hosts) }
  }

  /// An attempt that failed: the error, and whether an outage would explain it.
  private struct Failure: Error {
    let error: RecordError
    let mayBeOutage: Bool
  }

  /// Asks until there is an answer that counts. Throws a ``RecordError`` or a ``Fatal``.
  mutating func get(_ url: WebURL, _ errand: Errand) throws -> Reply {
    let policy = services.settings.retry
    let began = Time.monotonic()
    partNumber += 1
    let body = BodyReceiver(path: services.spool.partPath(worker: worker, number: partNumber))
    var isWanted = false
    defer { if !isWanted { body.discard() } }
    var failures: [RecordError] = []
    while true {
      do {
        let reply = try getOnce(url, errand, into: body)
        if services.outage.withLock({ $0.succeeded() }) { logger.notice("the outage is over") }
        isWanted = true
        return reply
      } catch let met as Failure {
        let failure = Failure(
          error: services.confidences.hidden(in: met.error), mayBeOutage: met.mayBeOutage)
        if let pause = outagePause(failure, errand) {
          logger.warning(
            """
            \(errand.id): \(failure.error.message); others fail, too: an outage. Nothing is lost; \
            again in \(Format.duration(seconds: pause))
            """)
          guard services.stop.sleep(seconds: pause) else { throw RecordError.stopped }
          continue
        }
        failures.append(failure.error)
        let elapsed = Double(Time.monotonic() - began) / 1e9
        guard failure.error.isRetryable,
          let wait = policy.delay(
            afterAttempt: failures.count, elapsed: elapsed, random: .random(in: 0...1))
        else { throw Self.verdict(of: failures) }
        logger.warning(
          """
          \(errand.id): attempt \(failures.count) of \(policy.retries + 1): \
          \(failure.error.kind.rawValue): \(failure.error.message); \
          again in \(Format.duration(seconds: wait))
          """)
        guard services.stop.sleep(seconds: wait) else { throw RecordError.stopped }
      }
    }
  }

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

  private func outagePause(_ failure: Failure, _ errand: Errand) -> Double? {
    guard failure.mayBeOutage else { return nil }
    let verdict = services.outage.withLock { $0.failed(errand.id, now: Time.monotonic()) }
    if case .outage(let pause) = verdict { return pause }
    return nil
  }

  /// One attempt, with the redirects it leads through. Throws ``Failure`` for what the portal did.
  private mutating func getOnce(
    _ start: WebURL, _ errand: Errand, into body: BodyReceiver
  ) throws -> Reply {
    var request = Request(start, addresses: errand.addresses)
    request.headers = errand.fields + body.continuationFields
    for _ in 0...services.settings.maximumRedirects {
      let response = try perform(request, errand, into: body)
      switch judge(response, body, errand) {
      case .accepted:
        return Reply(url: request.url, head: response.head, address: response.address, body: body)
      case .redirect(let link):
        request.url = try errand.links.follow(link, from: request.url)
        request.addresses = request.addresses.tightened(after: response.address)
      case .refused(let error, let slowDown, let retryAfter):
        body.discard()
        if slowDown { try pause(request.url, retryAfter) }
        throw Failure(
          error: RecordError(
            error.kind, "\(error.message) (\(request.url.redacted))",
            isRetryable: error.isRetryable),
          mayBeOutage: StoreOutageWatch.explains(error, status: response.head.status))
      }
    }
    throw RecordError(
      .portalError,
      "more than \(services.settings.maximumRedirects) redirects (\(start.redacted))")
  }

  private func judge(
    _ response: Response, _ body: BodyReceiver, _ errand: Errand
  ) -> Judgement {
    var head = response.head
    if body.isContinuation { head.status = 200 }
    if head.status == 304, !errand.fields.isEmpty { return .accepted }
    return Judgement(
      head, body.kind { errand.portal.meaning(of: $0, for: errand.purpose) }, title: body.title,
      for: errand.purpose, now: Int(Time.wall() / 1_000_000_000))
  }

  private mutating func perform(
    _ request: Request, _ errand: Errand, into body: BodyReceiver
  ) throws -> Response {
    let url = request.url
    let pace = services.settings.pace(of: errand.portal)
    let (limiter, stop) = (services.limiter, services.stop)
    while true {
      guard try limiter.waitForSlot(host: url.origin, pace: pace, stop: stop) else {
        throw RecordError.stopped
      }
      var permission = Result<Limiter.Permission, Fatal>.success(.stopped)
      var began = Time.monotonic()
      let response: Response
      do throws(TransferError) {
        response = try transfer.get(request, into: body) {
          permission = Result { () throws(Fatal) in
            try limiter.start(host: url.origin, pace: pace, stop: stop)
          }
          began = Time.monotonic()
          if case .success(.granted) = permission { return true }
          return false
        }
      } catch {
        if error.kind == .notStarted {
          guard try permission.get() == .paused else { throw RecordError.stopped }
          continue
        }
        adapt(since: began, isDropped: error.kind == .network || error.kind == .timeout)
        if let failure = body.failure { throw Fatal(.inputOutput, "\(failure)") }
        let error = try RecordError(error, url: url)
        if error.kind == .interrupted { throw error }
        throw Failure(error: error, mayBeOutage: StoreOutageWatch.explains(error, status: nil))
      }
      let status = response.head.status
      adapt(since: began, isDropped: status == 429 || status >= 500)
      if case .success(.granted(let refusals)) = permission, refusals > 0, status < 400 {
        try limiter.succeed(host: url.origin)
      }
      return response
    }
  }

  private func adapt(since began: Int64, isDropped: Bool) {
    let now = Time.monotonic()
    let decision = services.adaptive.withLock {
      $0?.finished(latency: Double(now - began) / 1e9, isDropped: isDropped, now: now)
    }
    if let decision { logger.info("workers: \(decision.limit), \(decision.reason)") }
  }

  private func pause(_ url: WebURL, _ retryAfter: Double?) throws(Fatal) {
    let base = services.settings.retry.base
    let seconds = try services.limiter.refuse(
      host: url.origin, retryAfter: retryAfter, base: base)
    logger.notice(
      """
      \(url.origin) asks to slow down: nobody asks it for \(Format.duration(seconds: seconds))
      """)
  }
}
