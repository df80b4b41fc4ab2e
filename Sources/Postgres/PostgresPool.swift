import Common

/// Connections to a database, and what its errors mean for a run.
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

  private let settings: ConnectionSettings
  private let purpose: Purpose
  private let connections: ConnectionPool<Connection>

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
    connections = ConnectionPool(size: size, retryTimeout: retryTimeout, stop: stop) { timeout in
      try Connection(settings, timeout: timeout)
    }
  }

  /// Runs `body` with a connection, and again where the connection broke or the server asks for it.
  /// `body` is told whether an earlier try may have had its effect although its answer was lost: it
  /// has to be safe to repeat. With `waitingForLocks`, also where the role's time for a lock or a statement
  /// was over: somebody holds a lock, and will let go of it.
  package func use<T: Sendable>(
    retryTimeout: Double? = nil, waitingForLocks: Bool = false,
    _ body: @Sendable (_ connection: Connection, _ isRepeat: Bool) throws -> T
  ) throws(Fatal) -> T {
    do {
      return try connections.use(
        retryTimeout: retryTimeout,
        mayPass: { waitingForLocks && ($0 as? PostgresError)?.isTimeout == true }, body)
    } catch let error as PostgresError {
      throw Fatal(error, name, purpose)
    } catch let fatal as Fatal {
      throw fatal
    } catch {
      throw Fatal(.other, "the \(purpose.name) \(name): \(Format.reason(error))")
    }
  }

  /// Runs `body`, which uses a connection of its own: one that is not made again when it breaks.
  package func apart<T>(_ body: () throws(PostgresError) -> T) throws(Fatal) -> T {
    do throws(PostgresError) { return try body() } catch { throw Fatal(error, name, purpose) }
  }

  /// A connection outside the pool, the caller's own for as long as it likes.
  package func connect() throws(PostgresError) -> Connection { try Connection(settings) }
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
