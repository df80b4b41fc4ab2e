import Common
import Glibc
import Synchronization

/// A thread for what is asked once and takes its time: a document's story, an order. They wait in a short line, and
/// whoever finds it full is told to come back.
final class SlowRequests: Sendable {
  /// So many wait at most.
  static let most = 16

  private typealias Work = @Sendable () -> Void
  private let line = Mutex<[Work]>([])
  private let wake: WakeUp

  init() throws(Fatal) { wake = try WakeUp() }

  /// An answer that `body` makes, in its turn.
  func answer(_ body: @escaping @Sendable () -> Reply) -> HTTPServer.Answer {
    .later { [self] finish in
      let isTaken = line.withLock { line in
        guard line.count < Self.most else { return false }
        line.append { finish(body()) }
        return true
      }
      if isTaken {
        wake.happen()
      } else {
        finish(Reply(503, "text/plain; charset=utf-8", "Too much is being asked. Try again.\n"))
      }
    }
  }

  /// Runs them until `stop`.
  func run(until stop: ShutdownSignal) {
    while !stop.isRequested {
      if let work = line.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
        work()
        continue
      }
      var polled = [wake.poll, pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0)]
      poll(&polled, 2, -1)
      if polled[0].revents != 0 { wake.clear() }
    }
  }
}
