import Common
import Glibc
import Postgres
import Synchronization

/// Connections to a database, opened when they are needed and made again when they broke.
///
/// Each connection lives in its own lock: who holds the lock owns the connection, so two threads never
/// use one, and the compiler can tell.
final class PostgresPool: Sendable {
  private final class Slot: Sendable {
    let connection = Mutex<Connection?>(nil)
  }

  private let settings: ConnectionSettings
  private let slots: [Slot]
  private let patience: Double
  private let stop: Stop?

  /// A database that is away keeps a run that is to end no longer than this, in seconds.
  private static let patienceOnStop = 3.0

  /// What messages call the database.
  var name: String { settings.description }

  /// Up to `size` connections; a database that went away is waited for, for `patience` seconds, less
  /// once `stop` is requested.
  init(_ settings: ConnectionSettings, size: Int, patience: Double, stop: Stop? = nil) {
    self.settings = settings
    self.patience = patience
    self.stop = stop
    slots = (0..<max(1, size)).map { _ in Slot() }
  }

  /// Runs `body` with a connection, and again where the connection broke or the server asks for it.
  /// `body` is told whether an earlier try may have had its effect although its answer was lost: it
  /// has to be safe to repeat.
  func use<T: Sendable>(
    patience: Double? = nil,
    _ body: @Sendable (_ connection: Connection, _ isRepeat: Bool) throws -> T
  ) throws(Fatal) -> T {
    let deadline = Time.monotonic() + Int64((patience ?? self.patience) * 1e9)
    var wait = 0.05
    var isRepeat = false
    while true {
      do {
        return try once { [isRepeat] in try body($0, isRepeat) }
      } catch let error as PostgresError {
        guard error.isPassing, Time.monotonic() + Int64(wait * 1e9) < deadline, mayWait else {
          throw Fatal(error, name)
        }
        // Harmless where not even a connection was made.
        isRepeat = true
        pause(wait * .random(in: 0.5...1))
        wait = min(wait * 2, 2)
      } catch let fatal as Fatal {
        throw fatal
      } catch {
        throw Fatal(.other, "the index \(name): \(error)")
      }
    }
  }

  private var mayWait: Bool { stop.map { $0.age < Self.patienceOnStop } ?? true }

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
      slot = try Connection(settings, timeout: stop?.isRequested == true ? Self.patienceOnStop : 10)
    }
    guard let connection = slot else { throw Fatal(.other, "no connection") }
    do { return try body(connection) } catch {
      if let error = error as? PostgresError, error.endsConnection { slot = nil }
      throw error
    }
  }
}

extension PostgresPool {
  /// One statement, a transaction by itself, that is safe to repeat; a `?` for each value.
  func query(_ sql: String, _ values: [Condition.Value] = []) throws(Fatal) -> Rows {
    try use { connection, _ throws in try connection.query(sql, values) }
  }
}

extension Connection {
  /// Runs a statement with a `?` for each value.
  @discardableResult
  func query(_ sql: String, _ values: [Condition.Value]) throws(PostgresError) -> Rows {
    try query(
      numbered(sql),
      values.map { value in
        switch value {
        case .int(let number): String(number)
        case .text(let text): text
        }
      } as [String?])
  }
}

/// The same statement with `$1`, `$2`, … for its question marks. None of ours has one in a text.
func numbered(_ sql: String) -> String {
  var number = 0
  var text = ""
  for character in sql {
    if character == "?" {
      number += 1
      text += "$\(number)"
    } else {
      text.append(character)
    }
  }
  return text
}

extension Fatal {
  /// What an error of PostgreSQL means for a run.
  init(_ error: PostgresError, _ name: String) {
    let state = error.sqlState
    let (code, advice): (ExitCode, String) =
      switch state.prefix(2) {
      case "28": (.permission, "; see the user and the password (PGUSER, PGPASSWORD, ~/.pgpass)")
      case "08": (.unavailable, "; is the server up, and the address right?")
      case "3D": (.configuration, "; see the name of the database")
      case "53", "58": (.inputOutput, "")
      case _ where state == "42501": (.permission, "; see GRANT in docs/index.md")
      case _ where ["42P01", "42703"].contains(state):
        (.configuration, "; run `enqueue --migrate`")
      case _ where state.hasPrefix("57P0"), _ where ["57014", "55P03"].contains(state):
        (.unavailable, "")
      case _ where state == "25006": (.inputOutput, "; a standby cannot be written to")
      default: (.other, "")
      }
    let message = "the index \(name) cannot be used: \(error.description) (\(state))\(advice)"
    self.init(code, Format.printable(message))
  }
}
