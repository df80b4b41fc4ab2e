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
    let host = request.url.budget
    var transfer = try Transfer(settings) { [stop] in stop.isRequested }
    while try limiter.waitForSlot(host: host, pace: pace, stop: stop) {
      var permission = Result<Limiter.Permission, Fatal>.success(.stopped)
      var noting = Result<Void, Fatal>.success(())
      let sent = {
        guard case .success(.granted(let grant)) = permission else { return }
        noting = Result { () throws(Fatal) in
          try limiter.sent(grant, host: host, pace: pace)
        }
      }
      do {
        let response = try transfer.send(request, into: sink, didSend: sent) {
          permission = Result { () throws(Fatal) in
            try limiter.start(host: host, pace: pace, stop: stop)
          }
          if case .success(.granted) = permission { return true }
          return false
        }
        try noting.get()
        return response
      } catch let error as TransferError {
        // Another program may have been told to pause meanwhile.
        guard error.kind == .notStarted, try permission.get() == .paused else { throw error }
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
