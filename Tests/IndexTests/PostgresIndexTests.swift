import Common
import Glibc
import Index
import Postgres
import Support
import Synchronization
import Testing

@testable import Index

@Suite(.enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
struct PostgresIndexTests {
  @Test(
    arguments:
      ClaimChecks.all + SelectionChecks.all + SettleChecks.all + StaleChecks.all + ReportChecks.all
      + HealthChecks.all + StoredChecks.all + OddRowChecks.all)
  func conforms(_ check: Check) throws {
    try check.run(try PostgresFixture())
  }

  @Test func theUsersTableIsMigratedWithoutBeingRewritten() throws {
    let fixture = try PostgresFixture(from: "users")
    try fixture.sql(
      """
      INSERT INTO index_documents (source, book, page, clerk, download_status)
      VALUES ('DuProcess', 238, 1, 'theirs', 'completed'), ('DuProcess', 238, 2, 'theirs', 'pending')
      """)
    let file = "SELECT relfilenode FROM pg_class WHERE relname = 'index_documents'"
    let before = try fixture.sql(file)
    let error = #expect(throws: Fatal.self) { try fixture.open() }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("lease_token") == true)
    #expect(error?.message.contains("enqueue migrate") == true)

    let migration = try PostgresMigration(url: fixture.url)
    let files = PostgresSchema.steps.map(\.file)
    let plan = try migration.plan()
    #expect(plan.count == 2 + PostgresSchema.indexNames.count, "\(plan)")
    #expect(plan.first?.hasPrefix("would add the columns lease_token, ") == true)
    #expect(plan.last == "the owner of public.index_documents is postgres, and you are postgres")
    #expect(throws: Fatal.self) { try fixture.open() }
    #expect(try migration.run() == files)
    #expect(try migration.run() == [])
    #expect(try migration.plan() == [])

    let index = try fixture.open()
    #expect(pages(try index.claim(Selection(), for: .test(), count: 5)) == [2])
    #expect(try fixture.sql(file) == before)
    #expect(try fixture.row(page: 2, "clerk, download_status") == ["theirs", "in_progress"])
    #expect(try fixture.sql("SELECT COUNT(*) FROM everything") == [["2"]])
  }

  /// The table of the version before: it lacks the newest columns alone.
  @Test func aTableOfTheVersionBeforeGetsTheNewestColumns() throws {
    let fixture = try PostgresFixture()
    try fixture.sql(
      """
      ALTER TABLE index_documents DROP COLUMN optimize_outcome, DROP COLUMN optimize_reason,
        DROP COLUMN optimize_rejected_bytes;
      DELETE FROM conveyor_migrations WHERE version = 5
      """)
    let error = #expect(throws: Fatal.self) { try fixture.open() }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("optimize_outcome") == true)
    #expect(error?.message.contains("enqueue migrate") == true)
    let migration = try PostgresMigration(url: fixture.url)
    #expect(
      try migration.plan().first
        == "would add the columns optimize_outcome, optimize_reason, optimize_rejected_bytes")
    // One column may be there already, added by hand.
    try fixture.sql("ALTER TABLE index_documents ADD COLUMN optimize_reason text")
    #expect(try migration.run() == ["5-optimize.sql"])
    #expect(try migration.run() == [])
    #expect(try fixture.open().report(Selection()).optimizations.isEmpty)
  }

  @Test func anIndexThatWasCutOffIsBuiltAgain() throws {
    let fixture = try PostgresFixture(from: "users")
    try PostgresMigration(url: fixture.url).run()
    try fixture.sql(
      """
      UPDATE pg_index SET indisvalid = FALSE
      WHERE indexrelid = 'index_documents_pending'::regclass;
      DELETE FROM conveyor_migrations WHERE version = 2
      """)
    #expect(try PostgresMigration(url: fixture.url).run() == ["2-indexes.sql"])
    let valid = "SELECT indisvalid FROM pg_index"
    #expect(
      try fixture.sql("\(valid) WHERE indexrelid = 'index_documents_pending'::regclass") == [["t"]])
  }

  @Test func anIndexFromNothing() throws {
    let fixture = try PostgresFixture(from: "template0")
    let error = #expect(throws: Fatal.self) { try fixture.open() }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("enqueue init") == true)
    let migration = try PostgresMigration(url: fixture.url)
    #expect(throws: Fatal.self) { try migration.run() }
    #expect(try migration.run(creating: true).count == 1 + PostgresSchema.steps.count)
    #expect(try migration.run(creating: true).isEmpty)
    try ClaimChecks.claim(fixture)
  }

  @Test func aTableOfANewerVersionIsLeftAlone() throws {
    let fixture = try PostgresFixture()
    try fixture.sql("INSERT INTO conveyor_migrations (version, name) VALUES (99, 'later')")
    let error = #expect(throws: Fatal.self) { try PostgresMigration(url: fixture.url).run() }
    #expect(error?.message.contains("newer version") == true)
  }

  /// The text that people run by hand is the text that the program runs.
  @Test(arguments: PostgresSchema.steps.map(\.file))
  func migrationsAreInTheirFiles(name: String) throws {
    let step = PostgresSchema.steps.first { $0.file == name }
    #expect(try sqlFile("migrations/\(name)") == step?.sql)
  }

  @Test func aWrongPasswordIsAPermissionAndStaysSecret() throws {
    let fixture = try PostgresFixture()
    let url = fixture.server.url(fixture.database, password: "hunter2")
    let error = #expect(throws: Fatal.self) { try openIndex(url) }
    #expect(error?.code == .permission)
    #expect(error?.message.contains("28P01") == true)
    #expect(error?.message.contains("hunter2") == false)
  }

  @Test func whatIsNotThereIsSaid() throws {
    let server = try PostgresServer.shared.get()
    let noDatabase = #expect(throws: Fatal.self) { try openIndex(server.url("nowhere")) }
    #expect(noDatabase?.code == .configuration)
    #expect(noDatabase?.message.contains("nowhere") == true)
    let noServer = #expect(throws: Fatal.self) { try openIndex("postgres://u@127.0.0.1:1/x") }
    #expect(noServer?.code == .unavailable)
    let noURL = #expect(throws: Fatal.self) { try openIndex("postgres://u:hunter2%zz@h/x") }
    #expect(noURL?.code == .configuration)
    #expect(noURL?.message.contains("hunter2") == false)
  }

  @Test func aMissingPrivilegeIsAPermission() throws {
    let fixture = try PostgresFixture()
    try fixture.sql("CREATE ROLE reader_\(fixture.database) LOGIN PASSWORD 'right'")
    let url = fixture.server.url(fixture.database, user: "reader_\(fixture.database)")
    let index = try openIndex(url)
    let error = #expect(throws: Fatal.self) {
      try index.claim(Selection(), for: .test(), count: 1)
    }
    #expect(error?.code == .permission)
    #expect(error?.message.contains("42501") == true)
  }

  @Test func aRestartOfTheServerCostsAMomentOnly() throws {
    let server = try PostgresServer()
    let migration = try PostgresMigration(url: server.url("postgres"))
    try migration.run(creating: true)
    let index = try openIndex(server.url("postgres"))
    #expect(try index.add(Document.pages(3).map(\.row)).added == 3)
    let first = try index.claim(Selection(), for: .test(), count: 1)
    server.order("stop")
    let hasty = #expect(throws: Fatal.self) {
      try PostgresIndex(url: server.url("postgres"), retryTimeout: 0)
    }
    #expect(hasty?.code == .unavailable)
    server.order("start")
    #expect(pages(try index.claim(Selection(), for: .test(), count: 1)) == [2])
    let error = RecordError(.absent, "nothing found")
    let settlement = Settlement(try lease(first), .failed(error))
    server.order("stop")
    server.order("start")
    #expect(try index.settle([settlement]) == [true])
    #expect(try index.counts(Selection()).absent == 1)
  }

  @Test func withoutItsKeyAnImportSaysSo() throws {
    let fixture = try PostgresFixture()
    try fixture.sql("ALTER TABLE index_documents DROP CONSTRAINT unique_document")
    let index = try fixture.open()
    let error = #expect(throws: Fatal.self) { try index.add([Document(page: 1).row]) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("CREATE UNIQUE INDEX") == true)
  }

  /// Their columns are narrower than ours, and typed.
  @Test func whatTheUsersTableRefusesCostsOnlyItself() throws {
    let fixture = try PostgresFixture()
    var rows = Document.pages(9).map(\.row)
    rows[3].values["book_volume"] = String(repeating: "x", count: 51)
    rows[7].values["file_date"] = "someday"
    let addition = try fixture.open().add(rows)
    #expect(addition.added == 7)
    #expect(addition.refused.map(\.place) == [3, 7])
    #expect(addition.refused[0].reason.contains("too long"))
    #expect(addition.refused[1].reason.contains("someday"))
    #expect(
      try fixture.sql("SELECT page FROM index_documents ORDER BY page")
        == [1, 2, 3, 5, 6, 7, 9].map { ["\($0)"] })
  }

  /// A run that is to end does not wait for a server that is away.
  @Test func aStopEndsTheWait() throws {
    let server = try PostgresServer()
    try PostgresMigration(url: server.url("postgres")).run(creating: true)
    let stop = ShutdownSignal()
    let index = try PostgresIndex(url: server.url("postgres"), retryTimeout: 3600, stop: stop)
    server.order("stop")
    let code = Mutex<ToolExit?>(nil)
    withThreads(2) { number in
      guard number == 1 else { return stop.request(.interrupted) }
      do { _ = try index.counts(Selection()) } catch {
        code.withLock { $0 = (error as? Fatal)?.code }
      }
    }
    #expect(code.withLock(\.self) == .unavailable)
  }

  @Test func whatIsMissingIsNamed() throws {
    let fixture = try PostgresFixture(from: "users")
    let migration = try PostgresMigration(url: fixture.url)
    let missing = try migration.missing()
    #expect(missing.count == 5)
    #expect(missing.first?.hasPrefix("the columns lease_token, ") == true)
    try migration.run()
    #expect(try migration.missing() == [])
    try fixture.sql("DROP INDEX index_documents_pending")
    #expect(try migration.missing() == ["the database index index_documents_pending"])
  }

  @Test func aBatchIsSettledRowByRow() throws {
    let fixture = try PostgresFixture()
    let index = try fixture.open(with: Document.pages(4))
    let leases = try index.claim(Selection(), for: .test(), count: 4).compactMap { Lease($0) }
    let error = RecordError(.network, #"quotes " and \ and, commas {}"#)
    var done = Completion(url: "gs://b/1\0.pdf", sha256: "ab", bytes: 1)
    done.actualBook = .max
    let held = try index.settle([
      Settlement(Lease(id: "none", token: "x"), .failed(error)),
      Settlement(leases[2], .again(error, after: .infinity, countsAttempt: false)),
      Settlement(leases[0], .completed(done)), Settlement(leases[0], .failed(error)),
      Settlement(leases[1], .failed(error)),
      Settlement(Lease(id: leases[3].id, token: leases[0].token), .failed(error)),
    ])
    #expect(held == [false, true, true, false, true, false])
    #expect(try fixture.row(page: 1, "gcs_path, actual_book") == ["gs://b/1.pdf", ""])
    #expect(try fixture.row(page: 2, "download_error") == [#"quotes " and \ and, commas {}"#])
    #expect(try fixture.row(page: 4, "download_status") == ["in_progress"])
  }

  @Test func arraysKeepTheirTexts() {
    #expect(arrayLiteral([nil, "", "a\"b", "c\\d", "NULL"]) == #"{NULL,"","a\"b","c\\d","NULL"}"#)
    #expect(arrayLiteral([]) == "{}")
  }

  @Test(
    arguments: [
      ("postgres://me:x@db:5433/a", [:], "postgres://db:5433/a"),
      ("postgres:", ["DATABASE_URL": "postgresql://db/b"], "postgres://db/b"),
      ("postgres:", ["DB_NAME": "c", "DB_PASSWORD": "x"], "postgres://127.0.0.1/c"),
      ("postgres:", ["DB_NAME": "c", "DB_HOST": "h", "DB_PORT": "1"], "postgres://h:1/c"),
      ("postgres://h/d", ["DB_NAME": "c", "DB_PORT": "1"], "postgres://h:1/d"),
      ("postgres:", ["PGHOST": "p", "PGDATABASE": "q", "DB_USER": "u"], "postgres://p/q"),
      ("mysql://h/d", [:], nil), ("postgres://%zz@h/d", [:], nil),
    ] as [(String, [String: String], String?)])
  func settings(url: String, environment: [String: String], expected: String?) {
    #expect(ConnectionSettings(url: url, environment: environment)?.description == expected)
  }
}
