import Common
import HTTP
import Limiter

/// What became of a request that had its host's turn.
enum Turn {
  /// It was answered. The limiter had given it this permission.
  case answered(Response, Limiter.Grant)
  /// It was not sent: the host asked for a pause meanwhile. It needs another turn.
  case paused
  /// It was not sent: a stop was requested.
  case stopped
}

extension Transfer {
  /// Sends a request in its host's turn: as soon as there is a connection, if the limiter still agrees, which is told
  /// once it was sent. `didStart` is called just before. Throws ``TransferError`` where the transfer failed, ``Fatal``
  /// where the limiter did.
  mutating func send(
    _ request: Request, into sink: any BodySink, asking limiter: Limiter, _ pace: RateLimit,
    stop: ShutdownSignal, didStart: @escaping () -> Void = {}
  ) throws -> Turn {
    let host = request.url.budget
    var permission = Result<Limiter.Permission, Fatal>.success(.stopped)
    var noting = Result<Void, Fatal>.success(())
    let didSend = {
      guard case .success(.granted(let grant)) = permission else { return }
      noting = Result { () throws(Fatal) in
        try limiter.sent(grant, host: host, pace: pace)
      }
    }
    do {
      let response = try send(request, into: sink, didSend: didSend) {
        permission = Result { () throws(Fatal) in
          try limiter.start(host: host, pace: pace, stop: stop)
        }
        guard case .success(.granted) = permission else { return false }
        didStart()
        return true
      }
      try noting.get()
      guard case .granted(let grant) = try permission.get() else { return .stopped }
      return .answered(response, grant)
    } catch let error as TransferError {
      guard error.kind == .notStarted else { throw error }
      return try permission.get() == .paused ? .paused : .stopped
    }
  }
}
