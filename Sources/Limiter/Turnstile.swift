import Common
import Dispatch
import Synchronization

/// Lets one thread at a time do something for a host, in the order in which they came, so that of all
/// threads of a process one alone meets those of other processes at the limiter.
final class Turnstile: Sendable {
  private struct Line {
    var isTaken = false
    /// Where those who wait are woken, the first first.
    var waiting: [DispatchSemaphore] = []
  }

  private let lines = Mutex<[String: Line]>([:])

  /// Does `body` once it is this thread's turn. Whoever is in it has to come out soon when the process is to
  /// stop; so everybody else does, one after the other.
  func pass<T>(
    _ host: String, _ body: () throws(Fatal) -> T
  ) throws(Fatal) -> T {
    enter(host)
    defer { leave(host) }
    return try body()
  }

  private func enter(_ host: String) {
    let mine = lines.withLock { lines -> DispatchSemaphore? in
      guard lines[host, default: Line()].isTaken else {
        lines[host, default: Line()].isTaken = true
        return nil
      }
      let mine = DispatchSemaphore(value: 0)
      lines[host]?.waiting.append(mine)
      return mine
    }
    mine?.wait()
  }

  private func leave(_ host: String) {
    let next = lines.withLock { lines -> DispatchSemaphore? in
      guard let line = lines[host], !line.waiting.isEmpty else {
        lines[host] = nil
        return nil
      }
      return lines[host]?.waiting.removeFirst()
    }
    next?.signal()
  }
}
