import Glibc
import Synchronization

/// A Redis of the tests' own, from Debian's package; gone when the tests are. It keeps all in its append-only file.
package final class RedisServer: Sendable {
  /// Whether there is one to be started.
  package static let isInstalled = access("/usr/bin/redis-server", X_OK) == 0

  /// One for all tests that do it no harm.
  package static let shared = Result { try RedisServer() }

  /// Where it listens, on the loopback interface.
  package let port: Int
  private let script: ServerScript

  /// Where its data and its socket, `redis.sock`, are.
  package var directory: String { script.directory }

  /// Starts one on a free port, with further options: `--requirepass right`.
  package init(_ options: String...) throws {
    port = try ServerScript.freePort()
    script = try ServerScript("redis-server.sh", [String(port)] + options)
  }

  /// `stop`, at once and without ceremony, `start`, `pause` or `continue`.
  package func order(_ command: String) { script.order(command) }

  /// The URL of a database, 0 to 15.
  package func url(_ database: Int = 0) -> String { "redis://127.0.0.1:\(port)/\(database)" }

  /// What the program `redis-cli` answers, which is nobody's code of ours.
  @discardableResult
  package func cli(_ command: String, in database: Int = 0) throws -> [String] {
    try answer(of: "redis-cli -s \(directory)/redis.sock -n \(database) \(command)")
  }
}
