import Common
import Glibc
import Synchronization

/// Connections to a database, opened when they are needed and made again when they broke.
///
/// Each connection lives in its own lock: who holds the lock owns the connection, so two threads never
/// use one, and the compiler can tell.
package final class PostgresPool: Sendable {
  /// What a database is used for, as its errors say it.
  package struct Purpose: Sendable {
    let name: String
    let guide: String
    let missing: String

    /// `name`: "index"; `guide`: where its privileges are described; `missing`: what to do where a
    /// table or column is not there.
    package init(_ name: String, guide: String, missing: String) {
      self.name = name
      self.guide = guide
      self.missing = missing
    }
  }

  private final class Slot: Sendable {
    let connection = Mutex<Connection?>(nil)
  }

  private let settings: ConnectionSettings
  private let purpose: Purpose
  private let slots: [Slot]
  private let retryTimeout: Double
  private let stop: ShutdownSignal?

  /// A database that is away keeps a run that is to end no longer than this, in seconds.
  private static let timeoutOnStop = 3.0

  /// What messages call the database.
  package var name: String { settings.description }

  /// Up to `size` connections to what `url` and the environment say; a database that went away is
  /// waited for, for `retryTimeout` seconds, less once `stop` is requested. Throws with exit code 78 for
  /// a URL that says nothing.
  package init(
    url: String, for purpose: Purpose, size: Int, retryTimeout: Double, stop: ShutdownSignal? = nil
  ) throws(Fatal) {
    guard let settings = ConnectionSettings(url: url) else {
      throw Fatal(
        .configuration,
        "the URL of the \(purpose.name) is not one that PostgreSQL reads; expected "
          + "postgres://USER@HOST:PORT/NAME, with @ : / ? # and blanks in a password as %40 %3A %2F "
          + "%3F %23 %20")
    }
    self.settings = settings
    self.purpose = purpose
    self.retryTimeout = retryTimeout
    self.stop = stop
    slots = (0..<max(1, size)).map { _ in Slot() }
  }

  /// Runs `body` with a connection, and again where the connection broke or the server asks for it.
  /// `body` is told whether an earlier try may have had its effect although its answer was lost: it
  /// has to be safe to repeat. With `waitingForLocks`, also where the role's time for a lock or a statement
  /// was over: somebody holds a lock, and will let go of it.
  package func use<T: Sendable>(
    retryTimeout: Double? = nil, waitingForLocks: Bool = false,
    _ body: @Sendable (_ connection: Connection, _ isRepeat: Bool) throws -> T
  ) throws(Fatal) -> T {
    let deadline = Time.monotonic() + Int64((retryTimeout ?? self.retryTimeout) * 1e9)
    var wait = 0.05
    var isRepeat = false
    while true {
      do {
        return try once { [isRepeat] in try body($0, isRepeat) }
      } catch let error as PostgresError {
        let isPassing = error.isPassing || (waitingForLocks && error.isTimeout)
        guard isPassing, Time.monotonic() + Int64(wait * 1e9) < deadline, mayWait else {
          throw Fatal(error, name, purpose)
        }
        // Harmless where not even a connection was made.
        isRepeat = true
        pause(wait * .random(in: 0.5...1))
        wait = min(wait * 2, 2)
      } catch let fatal as Fatal {
        throw fatal
      } catch {
        throw Fatal(.other, "the \(purpose.name) \(name): \(Format.reason(error))")
      }
    }
  }

  /// Runs `body`, which uses a connection of its own: one that is not made again when it breaks.
  package func apart<T>(_ body: () throws(PostgresError) -> T) throws(Fatal) -> T {
    do throws(PostgresError) { return try body() } catch { throw Fatal(error, name, purpose) }
  }

  /// A connection outside the pool, the caller's own for as long as it likes.
  package func connect() throws(PostgresError) -> Connection { try Connection(settings) }

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
      let timeout = stop?.isRequested == true ? Self.timeoutOnStop : 10
      slot = try Connection(settings, timeout: timeout)
    }
    guard let connection = slot else { throw Fatal(.other, "no connection") }
    do { return try body(connection) } catch {
      if let error = error as? PostgresError, error.endsConnection { slot = nil }
      throw error
    }
  }
}

extension Fatal {
  /// What an error of PostgreSQL means for a run.
  fileprivate init(_ error: PostgresError, _ name: String, _ purpose: PostgresPool.Purpose) {
    let state = error.sqlState
    let (code, advice): (ToolExit, String) =
      switch state.prefix(2) {
      case "28": (.permission, "; see the user and the password (PGUSER, PGPASSWORD, ~/.pgpass)")
      case "08": (.unavailable, "; is the server up, and the address right?")
      case "3D": (.configuration, "; see the name of the database")
      case "53", "58": (.inputOutput, "")
      case _ where state == "42501": (.permission, "; see GRANT in \(purpose.guide)")
      case _ where ["42P01", "42703"].contains(state):
        (.configuration, "; \(purpose.missing)")
      case _ where error.isTimeout:
        (
          .unavailable,
          "; somebody holds a lock, or the role's lock_timeout or statement_timeout is too short"
        )
      case _ where state.hasPrefix("57P0"): (.unavailable, "")
      case _ where state == "25006":
        (
          .inputOutput,
          "; it is a standby, or default_transaction_read_only is on for the role or the database"
        )
      // What the table does not take, or does not do: its types, constraints, triggers and rules.
      case "0A", "22", "23", "42", "55", "P0":
        (.configuration, "; the table is not as \(purpose.guide) has it")
      default: (.other, "")
      }
    let message =
      "the \(purpose.name) \(name) cannot be used: \(error.description) (\(state))\(advice)"
    self.init(code, Format.printable(message))
  }
}
