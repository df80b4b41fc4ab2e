import Postgres
import Support
import Synchronization
import Testing

@testable import Index

/// A database of a test's own, made from the users' table after its migration.
struct PostgresFixture: IndexFixture {
  private static let number = Atomic<Int>(0)

  /// The users' table in `users`, migrated in `migrated`.
  private static let templates = Result {
    let server = try PostgresServer.shared.get()
    try server.psql("CREATE DATABASE users", in: "postgres")
    try server.psql(UsersTable.sql, in: "users")
    try server.psql("CREATE DATABASE migrated TEMPLATE users", in: "postgres")
    try PostgresMigration(url: server.url("migrated")).run()
    return server
  }

  let server: PostgresServer
  let database: String
  var url: String { server.url(database) }
  var views: String { "views.postgresql.sql" }

  init(from template: String = "migrated") throws {
    server = try Self.templates.get()
    let number = Self.number.add(1, ordering: .relaxed).newValue
    database = "test_\(number)"
    try server.psql("CREATE DATABASE \(database) TEMPLATE \(template)", in: "postgres")
  }

  func open() throws -> any DocumentIndex { try openIndex(url) }

  func time(_ seconds: Int) -> String { "(now() + INTERVAL '\(seconds) seconds')" }

  func addTrigger(_ condition: String, _ words: String?) throws {
    let action = words.map { "RAISE EXCEPTION '\($0)'" } ?? "RETURN NULL"
    try sql(
      """
      CREATE FUNCTION odd() RETURNS trigger AS $$ BEGIN \(action); END $$ LANGUAGE plpgsql;
      CREATE TRIGGER odd BEFORE UPDATE ON index_documents FOR EACH ROW WHEN (\(condition))
      EXECUTE FUNCTION odd()
      """)
  }

  /// A connection of somebody else's, outside of the index.
  func stranger() throws -> Connection {
    try Connection(try #require(ConnectionSettings(url: url, environment: [:])))
  }

  /// A role of this test's own that may work on the table; its URL.
  func role(_ settings: String...) throws -> String {
    let name = "worker_\(database)"
    try sql(
      """
      CREATE ROLE \(name) LOGIN PASSWORD 'right';
      GRANT SELECT, INSERT, UPDATE ON index_documents TO \(name);
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO \(name)
      """)
    for setting in settings { try sql("ALTER ROLE \(name) SET \(setting)") }
    return server.url(database, user: name)
  }

  /// Without the users' trigger, which would not let a test set `updated_at`.
  @discardableResult
  func sql(_ text: String) throws -> [[String]] {
    try server.psql("SET session_replication_role = replica; \(text)", in: database)
  }
}
