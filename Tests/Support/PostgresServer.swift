import Glibc
import Testing

/// A PostgreSQL server of the tests' own, from Debian's package; gone when the tests are.
package final class PostgresServer: Sendable {
  /// Whether there is one to be started.
  package static let isInstalled = access("/usr/lib/postgresql", F_OK) == 0

  /// One for all tests that do it no harm.
  package static let shared = Result { try PostgresServer() }

  /// Where it listens, on the loopback interface.
  package let port: Int
  private let script: ServerScript

  /// Where its data and its socket are.
  package var directory: String { script.directory }

  /// Starts one on a free port.
  package init() throws {
    port = try ServerScript.freePort()
    script = try ServerScript("postgres-server.sh", [String(port)])
  }

  /// `stop`, at once and without ceremony, or `start`.
  package func order(_ command: String) { script.order(command) }

  /// The URL of a database; `postgres` may do everything.
  package func url(
    _ database: String, user: String = "postgres", password: String = "right"
  ) -> String {
    "postgres://\(user):\(password)@127.0.0.1:\(port)/\(database)"
  }

  /// What the program `psql` answers, which is nobody's code of ours.
  @discardableResult
  package func psql(_ sql: String, in database: String) throws -> [[String]] {
    let folder = try TemporaryDirectory()
    try folder.write(sql, to: "question.sql")
    let lines = try answer(
      of: """
        psql -X -q -A -t -F '|' -v ON_ERROR_STOP=1 -h \(directory) -p \(port) -U postgres \
        -d \(database) -f '\(folder.path)/question.sql'
        """)
    return lines.map { $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init) }
  }
}
