import Common
import Glibc
import Index
import Postgres
import Support
import Synchronization
import Testing

@testable import Index

/// Another program holds one of our rows and wants the next: the server ends one of the two.
@Suite(.enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
struct DeadlockTests {
  /// PostgreSQL looks for a deadlock once, some time after a session began to wait, and ends the one
  /// that finds it. For that to be us, each time, a third session holds us up on page 2 until the
  /// rival, which has page 3, waits for our page 1; then we go on to page 3, and the circle is closed.
  @Test func isAskedAgain() throws {
    let fixture = try PostgresFixture()
    try fixture.sql("ALTER DATABASE \(fixture.database) SET deadlock_timeout = '20ms'")
    let index = try fixture.open(with: Document.pages(3))
    let leases = try (1...3).map { _ in
      try lease(try index.claim(Selection(), for: .test(), count: 1))
    }
    let settled = Mutex<[SettlementResult]>([])
    let failures = Mutex<[String]>([])
    let rivalHolds = ShutdownSignal()
    let otherHolds = ShutdownSignal()
    let rivalIsDone = ShutdownSignal()
    withThreads(3) { number in
      do {
        switch number {
        case 1:
          defer { rivalIsDone.request(.interrupted) }
          try hold(page: 3, in: fixture, rivalHolds) { rival in
            try waitForWaiting(1, in: fixture, unless: rivalIsDone)
            try rival.query("UPDATE index_documents SET clerk = 'rival' WHERE page = 1")
          }
        case 2:
          try hold(page: 2, in: fixture, otherHolds) { _ in
            try waitForWaiting(2, in: fixture, unless: rivalIsDone)
          }
        default:
          while rivalHolds.sleep(seconds: 60) {}
          while otherHolds.sleep(seconds: 60) {}
          let error = RecordError(.absent, "nothing found")
          let answer = try index.settle(leases.map { Settlement($0, .failed(error)) })
          settled.withLock { $0 = answer }
        }
      } catch {
        failures.withLock { $0.append("\(error)") }
        rivalIsDone.request(.interrupted)
        rivalHolds.request(.interrupted)
        otherHolds.request(.interrupted)
      }
    }
    #expect(failures.withLock(\.self) == [])
    #expect(settled.withLock(\.self) == [true, true, true])
    let rows = try fixture.sql(
      "SELECT clerk, download_status, download_attempts FROM index_documents ORDER BY page")
    #expect(rows == ["rival", "rival", "rival"].map { [$0, "failed", "1"] })
    #expect(try log(fixture).contains("deadlock detected"))
  }

  /// Changes a document in a transaction, and what `body` does with it.
  private func hold(
    page: Int, in fixture: PostgresFixture, _ held: ShutdownSignal,
    _ body: (Connection) throws -> Void
  ) throws {
    let connection = try Connection(try #require(ConnectionSettings(url: fixture.url)))
    try connection.query("SET deadlock_timeout = '1h'")
    try connection.transaction {
      try connection.query("UPDATE index_documents SET clerk = 'rival' WHERE page = \(page)")
      held.request(.interrupted)
      try body(connection)
    }
  }

  private func waitForWaiting(
    _ count: Int, in fixture: PostgresFixture, unless stop: ShutdownSignal
  ) throws {
    let waiting = """
      SELECT COUNT(*) >= \(count) FROM pg_stat_activity
      WHERE wait_event_type = 'Lock' AND datname = '\(fixture.database)'
      """
    while try !stop.isRequested && fixture.sql(waiting) != [["t"]] {}
  }

  /// What the server has logged; superusers may read its files.
  private func log(_ fixture: PostgresFixture) throws -> String {
    try fixture.sql(
      "SELECT translate(pg_read_file('\(fixture.server.directory)/log'), E'\\n|', '  ')"
    ).joined().joined()
  }
}
