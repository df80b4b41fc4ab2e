import Common
import HTTP
import Limiter
import Logging

/// A request that belongs to no document, on a connection of its own, within the budget of its host. Where the
/// answer asks to slow down, everybody does.
struct PoliteRequest: Sendable {
  let limiter: Limiter
  let pace: RateLimit
  /// Seconds of a first pause, where the host does not say how long.
  let base: Double
  let stop: ShutdownSignal
  let logger: Logger

  /// Makes it when the host's turn has come; `nil` where the run was stopped before. Throws ``TransferError`` or
  /// ``Fatal``.
  func send(
    _ request: Request, _ settings: TransferSettings, into sink: any BodySink
  ) throws -> Response? {
    do {
      let response = try sendInTurn(request, settings, into: sink)
      if let response { try heed(response.head, request.url) }
      return response
    } catch let error as TransferError {
      if let head = error.head { try heed(head, request.url) }
      throw error
    }
  }

  private func heed(_ head: ResponseHead, _ url: WebURL) throws(Fatal) {
    guard let wish = SlowDown(head) else { return }
    try limiter.heed(wish, of: url, base: base, logger)
  }

  private func sendInTurn(
    _ request: Request, _ settings: TransferSettings, into sink: any BodySink
  ) throws -> Response? {
    var transfer = try Transfer(settings) { [stop] in stop.isRequested }
    while try limiter.waitForSlot(host: request.url.budget, pace: pace, stop: stop) {
      switch try transfer.send(request, into: sink, asking: limiter, pace, stop: stop) {
      case .answered(let response, _): return response
      case .paused: continue
      case .stopped: return nil
      }
    }
    return nil
  }
}

extension Limiter {
  /// Asks nothing of the host, in any process, for as long as it wishes, or for longer each time where it does not
  /// say how long, from `base` seconds on.
  func heed(_ wish: SlowDown, of url: WebURL, base: Double, _ logger: Logger) throws(Fatal) {
    let seconds = try refuse(host: url.budget, retryAfter: wish.retryAfter, base: base)
    logger.notice(
      """
      \(url.origin) asked to slow down: pausing all requests to it for \(Format.duration(seconds: seconds)).
      """)
  }
}
