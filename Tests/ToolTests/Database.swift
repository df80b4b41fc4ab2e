import Common
import Support
import Synchronization
import Testing

/// A database of a test's own in PostgreSQL.
struct Database: Sendable {
  private static let number = Atomic<Int>(0)

  let server: PostgresServer
  let name: String

  /// On a server of the test's own, or on the one that tests share.
  init(on server: PostgresServer? = nil) throws {
    self.server = try server ?? PostgresServer.shared.get()
    name = "tool_\(Self.number.add(1, ordering: .relaxed).newValue)"
    try self.server.psql("CREATE DATABASE \(name)", in: "postgres")
  }

  var url: String { server.url(name) }

  /// The same, with the index in it.
  func initialized() throws -> Database {
    let made = try run("enqueue", ["init", "--index", url])
    #expect(made.code == 0, "\(made)")
    return self
  }

  @discardableResult
  func rows(_ sql: String) throws -> [[String]] { try server.psql(sql, in: name) }
}
