import Glibc
import Synchronization

/// An error of a server that several connections lead to.
package protocol ConnectionFailure: Error {
  /// Whether the connection is of no more use.
  var endsConnection: Bool { get }
  /// Whether the same may succeed a little later.
  var isPassing: Bool { get }
}

/// A connection to a server, for one thread at a time.
package protocol PooledConnection: AnyObject, SendableMetatype {
  /// False once it is known that the connection is broken.
  var isAlive: Bool { get }
}

/// Connections to a server, opened when they are needed and made again when they broke.
///
/// Each connection lives in its own lock: who holds the lock owns the connection, so two threads never
/// use one, and the compiler can tell.
package final class ConnectionPool<Connection: PooledConnection>: Sendable {
  private final class Slot: Sendable {
    let connection = Mutex<Connection?>(nil)
  }

  private let slots: [Slot]
  private let retryTimeout: Double
  private let stop: ShutdownSignal?
  private let connect: @Sendable (_ timeout: Double) throws -> sending Connection

  /// A server that is away keeps a run that is to end no longer than this, in seconds.
  private static var timeoutOnStop: Double { 3 }

  /// Up to `size` connections, which `connect` makes within the seconds that it is given; a server that went
  /// away is waited for, for `retryTimeout` seconds, less once `stop` is requested.
  package init(
    size: Int, retryTimeout: Double, stop: ShutdownSignal?,
    connect: @escaping @Sendable (_ timeout: Double) throws -> sending Connection
  ) {
    self.retryTimeout = retryTimeout
    self.stop = stop
    self.connect = connect
    slots = (0..<max(1, size)).map { _ in Slot() }
  }

  /// Runs `body` with a connection, and again where the connection broke or the server asks for it.
  /// `body` is told whether an earlier try may have had its effect although its answer was lost: it
  /// has to be safe to repeat. `mayPass` says of further failures that they may pass; `waits` is called
  /// before the first pause. Throws what the last try threw.
  package func use<T: Sendable>(
    retryTimeout: Double? = nil, mayPass: (any ConnectionFailure) -> Bool = { _ in false },
    waits: (any ConnectionFailure) -> Void = { _ in },
    _ body: @Sendable (_ connection: Connection, _ isRepeat: Bool) throws -> T
  ) throws -> T {
    let deadline = Time.monotonic() + Int64((retryTimeout ?? self.retryTimeout) * 1e9)
    var wait = 0.05
    var isRepeat = false
    while true {
      do {
        return try once { [isRepeat] in try body($0, isRepeat) }
      } catch let error as any ConnectionFailure {
        guard error.isPassing || mayPass(error), Time.monotonic() + Int64(wait * 1e9) < deadline,
          mayWait
        else { throw error }
        // One broken connection is soon made again, and not worth a word.
        if isRepeat, wait < 0.2 { waits(error) }
        // Harmless where not even a connection was made.
        isRepeat = true
        pause(wait * .random(in: 0.5...1))
        wait = min(wait * 2, 2)
      }
    }
  }

  private var mayWait: Bool { stop.map { $0.age < Self.timeoutOnStop } ?? true }

  /// A stop ends a pause, but not those that come after it: what is settled then still counts.
  private func pause(_ seconds: Double) {
    if let stop, !stop.isRequested {
      _ = stop.sleep(seconds: seconds)
    } else {
      usleep(UInt32(seconds * 1e6))
    }
  }

  private func once<T: Sendable>(_ body: @Sendable (Connection) throws -> T) throws -> T {
    for slot in slots {
      let found = try slot.connection.withLockIfAvailable { try run(body, on: &$0) }
      if let found { return found }
    }
    return try slots[.random(in: slots.indices)].connection.withLock { try run(body, on: &$0) }
  }

  private func run<T: Sendable>(
    _ body: @Sendable (Connection) throws -> T, on slot: inout sending Connection?
  ) throws -> T {
    if slot?.isAlive != true {
      slot = nil
      slot = try connect(stop?.isRequested == true ? Self.timeoutOnStop : 10)
    }
    guard let connection = slot else { throw Fatal(.other, "no connection") }
    do { return try body(connection) } catch {
      if let error = error as? any ConnectionFailure, error.endsConnection { slot = nil }
      throw error
    }
  }
}
