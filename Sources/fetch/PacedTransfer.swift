import Common
import Limiter
import Logging
import HTTP

/// Makes requests for one worker, each when the limiter lets it begin, and notes what came of it: for the
/// limiter, the samples, the workers' number, the trace.
struct PacedTransfer: ~Copyable {
  private var transfer: Transfer
  private let services: FetchServices
  private let logger: Logger

  init(_ services: FetchServices, logger: Logger) throws(Fatal) {
    self.services = services
    self.logger = logger
    let stop = services.stop
    let grace = services.settings.graceAfterStop
    do throws(TransferError) {
      transfer = try Transfer(services.settings.transfer) {
        stop.isRequested && stop.age > grace
      }
    } catch {
      throw Fatal(.inputOutput, "cannot start libcurl: \(error)")
    }
  }

  /// The cookies that servers have set, a line each.
  var cookies: [String] {
    get { transfer.cookies }
    nonmutating set { transfer.cookies = newValue }
  }

  /// One request, in its turn. Throws ``FetchFailure`` where the transfer failed, a ``RecordError`` where the run
  /// is over or the body cannot be taken, a ``Fatal`` where the limiter or robots.txt ends the run.
  mutating func send(
    _ request: Request, _ context: RequestContext, into body: BodyReceiver
  ) throws -> Response {
    let url = request.url
    if let saved = try services.trace?.answer(request, context.step, into: body) { return saved }
    let pace = try services.robots.heed(
      url, request.addresses, services.settings.pace(of: context.portal))
    while true {
      guard try services.limiter.waitForSlot(host: url.budget, pace: pace, stop: services.stop)
      else {
        throw RecordError.stopped
      }
      if let response = try sendNow(request, context, into: body, pace) { return response }
    }
  }

  /// Sends it if the limiter still agrees once a connection is there; `nil` where the host was paused meanwhile.
  private mutating func sendNow(
    _ request: Request, _ context: RequestContext, into body: BodyReceiver, _ pace: RateLimit
  ) throws -> Response? {
    let url = request.url
    let samples = services.sampleLog
    let kept = services.trace.map { _ in KeepingSink(body) }
    var began = Time.monotonic()
    let turn: Turn
    do {
      turn = try transfer.send(
        request, into: kept ?? body, asking: services.limiter, pace, stop: services.stop
      ) {
        began = Time.monotonic()
        samples?.started(url.budget)
      }
    } catch let error as TransferError {
      note(since: began, isDropped: [.network, .timeout].contains(error.kind), url, pace)
      if let wish = error.head.flatMap({ SlowDown($0) }) { try heed(wish, of: url) }
      if let failure = body.failure { throw DiskFull.error(failure) }
      if let refusal = body.refusal {
        throw services.failure(refusal, status: 200, url, context)
      }
      throw try FetchFailure(
        error, url: url, portal: context.portal, hiding: services.headerSecrets)
    }
    guard case .answered(let response, let grant) = turn else {
      if case .paused = turn { return nil }
      throw RecordError.stopped
    }
    if context.portal.base == nil {
      services.gate.succeeded(services.gate.observer(of: .network))
    }
    let status = response.head.status
    services.trace?.note(
      Trace.Exchange(
        step: context.step, request: request, head: response.head, body: kept?.bytes ?? [],
        seconds: Double(Time.monotonic() - began) / 1e9))
    note(since: began, isDropped: status == 429 || status >= 500, url, pace, status: status)
    if let wish = SlowDown(response.head) {
      try heed(wish, of: url)
    } else if grant.refusals > 0, status < 400 {
      try services.limiter.succeed(host: url.budget)
    }
    return response
  }

  /// Tells all who count how quickly a host answers: that it did, or, `isDropped`, that it had no time.
  private func note(
    since began: Int64, isDropped: Bool, _ url: WebURL, _ pace: RateLimit, status: Int? = nil
  ) {
    let now = Time.monotonic()
    let seconds = Double(now - began) / 1e9
    services.traffic.note(host: url.budget, status: status, seconds: seconds, delay: pace.delay)
    if let stage = services.settings.stage, let status, status < 400 {
      services.limiter.answered(host: url.budget, pace: pace, after: seconds, stage: stage)
    }
    services.sampleLog?.ended(
      url.budget, status: status, isDropped: isDropped, seconds: seconds, delay: pace.delay)
    let decision = services.adaptive.finished(latency: seconds, isDropped: isDropped, now: now)
    if let decision { logger.info("workers: \(decision.limit), \(decision.reason)") }
  }

  /// Lets everybody leave the host alone for as long as it wishes.
  func heed(_ wish: SlowDown, of url: WebURL) throws(Fatal) {
    try services.limiter.heed(wish, of: url, base: services.settings.retry.base, logger)
  }
}
