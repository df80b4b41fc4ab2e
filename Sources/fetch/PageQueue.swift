import Common
import Synchronization

/// How much of pages is read at once by all workers: a tree takes up to sixty times the bytes of its page, and
/// a page of 32 MB is read alone. Who comes first is let in first.
final class PageQueue: Sendable {
  /// Bytes of pages that are read at a time; a larger page counts as so many.
  private static let width = 2 << 20

  private struct State {
    var used = 0
    /// Bytes of pages that were read since free memory went back to the system.
    var read = 0
    var waiting: [Int] = []
    var lastTicket = 0
  }

  private let state = Mutex(State())

  /// Runs `body` when there is room for a page of `bytes`. Throws that the run is over.
  func whileReading<Result>(
    _ bytes: Int, stop: ShutdownSignal, _ body: () throws -> Result
  ) throws -> Result {
    let weight = min(bytes, Self.width)
    let ticket = state.withLock { state in
      state.lastTicket += 1
      state.waiting.append(state.lastTicket)
      return state.lastTicket
    }
    while !enter(ticket, weight) {
      guard stop.sleep(seconds: 0.005) else {
        state.withLock { $0.waiting.removeAll { $0 == ticket } }
        throw RecordError.stopped
      }
    }
    defer {
      if leave(weight) { AddressSpace.giveBackFreed() }
    }
    return try body()
  }

  /// Returns whether it is time to give free memory back: what a tree took stays with its thread otherwise
  /// (64 workers kept 1.1 GB of pages of 2 MB), whether it was one large page or many smaller ones.
  private func leave(_ weight: Int) -> Bool {
    state.withLock { state in
      state.used -= weight
      state.read += weight
      guard state.read >= Self.width / 2 else { return false }
      state.read = 0
      return true
    }
  }

  private func enter(_ ticket: Int, _ weight: Int) -> Bool {
    state.withLock { state in
      guard state.waiting.first == ticket, state.used + weight <= Self.width else { return false }
      state.waiting.removeFirst()
      state.used += weight
      return true
    }
  }
}
