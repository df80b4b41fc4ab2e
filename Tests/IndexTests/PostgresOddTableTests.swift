import Common
import Postgres
import Support
import Testing

@testable import Index

/// Tables, roles and neighbours as people have them.
@Suite(.enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
struct PostgresOddTableTests {
  // Rows that somebody else holds.

  @Test func lockedRowsAreToldAndPassedOver() throws {
    let fixture = try PostgresFixture()
    let index = try fixture.open(with: Document.pages(3))
    let stranger = try fixture.stranger()
    try stranger.query("BEGIN")
    try stranger.query("SELECT 1 FROM index_documents FOR UPDATE")
    #expect(try index.claim(Selection(), for: .test(), count: 3).isEmpty)
    let obstacle = try index.obstacle(Selection(), for: .test())
    #expect(obstacle.code == .unavailable)
    #expect(obstacle.reason.contains("process"), "\(obstacle)")
    try stranger.query("ROLLBACK")
    #expect(try index.claim(Selection(), for: .test(), count: 3).count == 3)
  }

  /// Somebody's lock on one row must not let the leases of the others run out, nor hold up a start.
  @Test func aLockedRowHoldsUpNoLeases() throws {
    let fixture = try PostgresFixture()
    let index = try fixture.open(with: Document.pages(3))
    let run = Run.test()
    let leases = try index.claim(Selection(), for: run, count: 3).compactMap { Lease($0) }
    let stranger = try fixture.stranger()
    try stranger.query("BEGIN")
    try stranger.query("SELECT 1 FROM index_documents WHERE page = 2 FOR UPDATE")
    #expect(try index.renew(leases, of: run) == 2)
    try index.release([leases[0], leases[1]])
    #expect(try fixture.row(page: 1, "download_status") == ["pending"])
    #expect(try fixture.row(page: 2, "download_status") == ["in_progress"])
    try stranger.query("ROLLBACK")
  }

  @Test func aLockTimeoutOfTheRoleIsWaitedOut() throws {
    let fixture = try PostgresFixture()
    _ = try fixture.open(with: Document.pages(1))
    let url = try fixture.role("lock_timeout = '50ms'")
    let index = try PostgresIndex(url: url, retryTimeout: 0.3)
    let claimed = try lease(try index.claim(Selection(), for: .test(), count: 1))
    let stranger = try fixture.stranger()
    try stranger.query("BEGIN")
    try stranger.query("SELECT 1 FROM index_documents FOR UPDATE")
    let settlement = Settlement(claimed, .failed(RecordError(.absent, "nothing found")))
    let error = #expect(throws: Fatal.self) { try index.settle([settlement]) }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("lock_timeout") == true)
    try stranger.query("ROLLBACK")
    #expect(try index.settle([settlement]) == [true])
  }

  // What the role may and how it speaks.

  @Test func rowLevelSecurityWithoutUpdateIsTold() throws {
    let fixture = try PostgresFixture()
    _ = try fixture.open(with: Document.pages(2))
    let url = try fixture.role()
    try fixture.sql(
      """
      ALTER TABLE index_documents ENABLE ROW LEVEL SECURITY;
      CREATE POLICY see ON index_documents FOR SELECT USING (true)
      """)
    let index = try openIndex(url)
    #expect(try index.claim(Selection(), for: .test(), count: 2).isEmpty)
    #expect(try index.queueCounts(Selection(), for: .test()).claimable == 2)
    let obstacle = try index.obstacle(Selection(), for: .test())
    #expect(obstacle.code == .permission)
    #expect(obstacle.reason.contains("FOR UPDATE"), "\(obstacle)")
  }

  @Test func aRuleInsteadOfUpdateIsTold() throws {
    let fixture = try PostgresFixture()
    _ = try fixture.open(with: Document.pages(2))
    try fixture.sql("CREATE RULE quiet AS ON UPDATE TO index_documents DO INSTEAD NOTHING")
    let index = try fixture.open()
    let error = #expect(throws: Fatal.self) {
      try index.claim(Selection(), for: .test(), count: 1)
    }
    #expect(error?.code == .configuration)
  }

  /// A trigger may raise what it likes.
  @Test(arguments: ["P0001", "P0004", "45000", "ZX001", "22012", "23514"])
  func whateverATriggerRaisesCostsOnlyItsRow(state: String) throws {
    let fixture = try PostgresFixture()
    let index = try fixture.open(with: Document.pages(3))
    try fixture.sql(
      """
      CREATE FUNCTION odd() RETURNS trigger AS $$
      BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '\(state)'; END $$ LANGUAGE plpgsql;
      CREATE TRIGGER odd BEFORE UPDATE ON index_documents FOR EACH ROW WHEN (NEW.page = 2)
      EXECUTE FUNCTION odd()
      """)
    #expect(pages(try index.claim(Selection(), for: .test(), count: 3)) == [1, 3])
    #expect(index.refusals.all.count == 1)
  }

  @Test func aForeignTableIsTold() throws {
    let fixture = try PostgresFixture()
    try fixture.sql(
      """
      ALTER TABLE index_documents RENAME TO deeds; CREATE EXTENSION postgres_fdw;
      CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw;
      CREATE SCHEMA far; ALTER TABLE deeds SET SCHEMA far;
      CREATE FOREIGN TABLE index_documents (\(
        (SQLiteSchema.needed + PostgresSchema.added).map { "\($0) text" }.joined(separator: ", ")))
        SERVER other
      """)
    let error = #expect(throws: Fatal.self) { try fixture.open() }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("is a foreign table") == true)
  }

  @Test func aRoleThatMayOnlyReadIsTold() throws {
    let fixture = try PostgresFixture()
    _ = try fixture.open(with: Document.pages(1))
    let index = try openIndex(try fixture.role("default_transaction_read_only = on"))
    let error = #expect(throws: Fatal.self) {
      try index.claim(Selection(), for: .test(), count: 1)
    }
    #expect(error?.code == .inputOutput)
    #expect(error?.message.contains("default_transaction_read_only") == true)
  }

  @Test(arguments: [
    "DateStyle = 'SQL, DMY'", "DateStyle = 'German'", "DateStyle = 'Postgres, YMD'",
    "IntervalStyle = 'sql_standard'", "client_encoding = 'LATIN1'",
    "standard_conforming_strings = off", "extra_float_digits = -15", "bytea_output = 'escape'",
    "default_transaction_isolation = 'serializable'", "TimeZone = 'Asia/Tokyo'",
  ])
  func whatTheRoleIsSetToChangesNoRecord(setting: String) throws {
    let fixture = try PostgresFixture()
    var row = Document(page: 1).row
    row.values["file_date"] = "1951-04-03"
    row.values["book_volume"] = #"Böök \ 'W'"#
    _ = try fixture.open().add([row])
    let index = try openIndex(try fixture.role(setting))
    var since = Selection()
    since.since = Day("1951-04-03")
    since.until = Day("1951-04-03")
    let record = try #require(try index.claim(since, for: .test(), count: 1).first)
    #expect(record["file_date"]?.string == "1951-04-03")
    #expect(record["book_volume"]?.string == #"Böök \ 'W'"#)
    let error = RecordError(.network, #"it said "no" \ 'never'"#)
    let again = Settlement.Outcome.again(error, after: 60, countsAttempt: true)
    #expect(try index.settle([Settlement(try lease([record]), again)]) == [true])
    #expect(try fixture.row(page: 1, "download_error") == [error.message])
    let seconds = try #require(try index.queueCounts(Selection(), for: .test()).secondsToNext)
    #expect(seconds > 50 && seconds <= 60)
  }

  // Values of the users' columns.

  @Test func oddValuesAreCountedApartAndSetRight() throws {
    let fixture = try PostgresFixture()
    let index = try fixture.open(with: Document.pages(7))
    try fixture.sql(
      """
      ALTER TABLE index_documents DROP CONSTRAINT valid_download_status;
      UPDATE index_documents SET download_status = NULL WHERE page = 1;
      UPDATE index_documents SET download_status = ' PENDING' WHERE page = 2;
      UPDATE index_documents SET download_status = '' WHERE page = 3;
      UPDATE index_documents SET download_status = 'Completed' WHERE page = 4;
      UPDATE index_documents SET download_status = 'queued' WHERE page = 5;
      UPDATE index_documents SET download_priority = NULL, download_attempts = NULL WHERE page = 6
      """)
    #expect(try index.counts(Selection()).unknown == 5)
    #expect(try index.counts(Selection()).skipped == 0)
    #expect(try index.report(Selection()).status.unknown == 5)
    #expect(pages(try index.preview(Selection(), count: 1)) == [7])
    let last = try index.preview(Selection(), count: 1).last.flatMap(PreviewPosition.init)
    #expect(pages(try index.preview(Selection(), count: 9, after: last)) == [6])
    let nowhere = try index.preview(Selection(), count: 9).last.flatMap(PreviewPosition.init)
    #expect(try index.preview(Selection(), count: 9, after: nowhere).isEmpty)
    let migration = try PostgresMigration(url: fixture.url)
    #expect(try migration.plan().count == 5)
    #expect(try migration.run().count == 4)
    #expect(try migration.run() == [])
    #expect(
      pages(try index.claim(Selection(), for: .test(), count: 9)).sorted() == [1, 2, 3, 6, 7])
    let counts = try index.counts(Selection())
    #expect((counts.completed, counts.unknown) == (1, 1))
  }

  @Test func aNarrowColumnForErrorsCutsThem() throws {
    let fixture = try PostgresFixture()
    _ = try fixture.open(with: Document.pages(2))
    try fixture.sql(
      """
      DROP VIEW everything;
      ALTER TABLE index_documents ALTER download_error TYPE varchar(20), ALTER gcs_path TYPE varchar(20)
      """)
    let index = try fixture.open()
    let leases = try index.claim(Selection(), for: .test(), count: 2).compactMap { Lease($0) }
    let error = RecordError(.network, String(repeating: "ü", count: 50))
    let done = Completion(url: "gs://bucket/documents/1.pdf", sha256: "ab", bytes: 1)
    let answers = try index.settle([
      Settlement(leases[0], .failed(error)), Settlement(leases[1], .completed(done)),
    ])
    #expect(answers[0] == .written)
    #expect(try fixture.row(page: 1, "download_error") == [String(repeating: "ü", count: 20)])
    guard case .refused(let reason) = answers[1] else {
      Issue.record("\(answers)")
      return
    }
    #expect(reason.contains("too long"))
    #expect(try fixture.row(page: 2, "download_status") == ["failed"])
  }

  // Tables of another form.

  @Test(arguments: [
    (
      "ALTER TABLE index_documents RENAME TO deeds; CREATE VIEW index_documents AS SELECT * FROM deeds",
      "is a view"
    ),
    (
      """
      ALTER TABLE index_documents RENAME TO deeds;
      CREATE MATERIALIZED VIEW index_documents AS SELECT * FROM deeds
      """, "is a materialized view"
    ),
    (
      """
      DROP VIEW everything; ALTER TABLE index_documents DROP COLUMN id;
      ALTER TABLE index_documents ADD COLUMN id uuid DEFAULT gen_random_uuid()
      """, "ids of type uuid"
    ),
    (
      "DROP VIEW everything; ALTER TABLE index_documents ALTER id TYPE text", "ids of type text"
    ),
    (
      """
      DROP VIEW everything; ALTER TABLE index_documents DROP CONSTRAINT index_documents_book_check,
        ALTER book TYPE text
      """, "the column book of type text"
    ),
    (
      "ALTER TABLE index_documents ALTER lost_leases TYPE numeric(9,2)",
      "column lost_leases of type"
    ),
    (
      """
      DROP VIEW everything; ALTER TABLE index_documents DROP COLUMN book_page_mismatch;
      ALTER TABLE index_documents ADD COLUMN book_page_mismatch boolean
        GENERATED ALWAYS AS (actual_book <> book) STORED
      """, "generates the column book_page_mismatch"
    ),
    (
      """
      DROP VIEW everything, documents_by_status; DROP INDEX index_documents_pending,
        index_documents_in_progress, index_documents_completed, index_documents_troubled;
      ALTER TABLE index_documents ALTER download_status TYPE varchar(10)
      """, "has only 10 of 11 characters in the column download_status"
    ),
    ("ALTER TABLE index_documents ALTER lease_owner TYPE varchar(40)", "column lease_owner"),
    (
      "CREATE SCHEMA records; ALTER TABLE index_documents SET SCHEMA records",
      "in the schema records"
    ),
  ])
  func aTableOfAnotherFormIsToldInOneSentence(change: String, words: String) throws {
    let fixture = try PostgresFixture()
    try fixture.sql(change)
    for body in [
      { _ = try fixture.open() },
      { _ = try PostgresMigration(url: fixture.url).run(creating: true) },
    ] {
      let error = #expect(throws: Fatal.self) { try body() }
      #expect(error?.code == .configuration)
      #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }
    // No second table beside it.
    let tables = try fixture.sql(
      "SELECT count(*) FROM pg_class WHERE relname = 'index_documents' AND relkind IN ('r', 'v', 'm')"
    )
    #expect(tables == [["1"]])
  }

  @Test(arguments: [
    "ALTER TABLE index_documents ALTER next_attempt_at TYPE text",
    """
    ALTER TABLE index_documents ADD CONSTRAINT theirs CHECK (download_status <> 'in_progress') NOT VALID
    """,
  ])
  func aTableThatDoesNotGoWithUsIsAConfiguration(change: String) throws {
    let fixture = try PostgresFixture()
    _ = try fixture.open(with: Document.pages(4))
    try fixture.sql("DROP VIEW everything; \(change)")
    let index = try fixture.open()
    var selection = Selection()
    selection.books = [1...300]
    let error = #expect(throws: Fatal.self) {
      try index.claim(selection, for: .test(), count: 4)
    }
    #expect(error?.code == .configuration, "\(String(describing: error))")
  }

  @Test func aPartitionedTableIsMigratedAndWorkedOn() throws {
    let fixture = try PostgresFixture(from: "users")
    try fixture.sql(
      """
      DROP VIEW everything, documents_by_status;
      ALTER TABLE index_documents RENAME TO plain;
      ALTER TABLE plain RENAME CONSTRAINT unique_document TO plain_unique;
      CREATE TABLE index_documents (LIKE plain INCLUDING DEFAULTS) PARTITION BY RANGE (book);
      ALTER TABLE index_documents ADD UNIQUE (book, page, source), ADD PRIMARY KEY (id, book, page);
      CREATE TABLE early PARTITION OF index_documents FOR VALUES FROM (1) TO (238);
      CREATE TABLE late PARTITION OF index_documents FOR VALUES FROM (238) TO (4000)
        PARTITION BY RANGE (page);
      CREATE TABLE "Late One" PARTITION OF late FOR VALUES FROM (1) TO (100);
      CREATE TABLE late_two PARTITION OF late FOR VALUES FROM (100) TO (1000)
      """)
    let migration = try PostgresMigration(url: fixture.url)
    let files = PostgresSchema.steps.map(\.file)
    #expect(try migration.run() == files)
    #expect(try migration.run() == [])
    #expect(try migration.missing() == [])
    try fixture.sql("DELETE FROM conveyor_migrations WHERE version = 2")
    #expect(try migration.run() == ["2-indexes.sql"])

    // The same place in each partition, so that a place alone would mean several rows.
    let documents = [(1, 1), (2, 2), (240, 1), (241, 2), (240, 100), (241, 101)]
      .map { Document(book: $0.0, page: $0.1) }
    let index = try fixture.open(with: documents)
    let first = try index.claim(Selection(), for: .test(), count: 1)
    #expect(first.map { $0["book"]?.int } == [1])
    #expect(try index.counts(Selection()).inProgress == 1)
    let rest = try index.claim(Selection(), for: .test("b"), count: 3)
    #expect(rest.map { $0["book"]?.int } == [2, 240, 240])
    #expect(try index.counts(Selection()).inProgress == 4)
    let leases = rest.compactMap { Lease($0) }
    #expect(try index.renew(leases, of: .test("b")) == 3)
    let done = Completion(url: "gs://b/1", sha256: "ab", bytes: 1)
    #expect(try index.settle([Settlement(leases[0], .completed(done))]) == [true])
    #expect(try index.releaseAll(of: .test("b")) == 2)
    #expect(try index.counts(Selection()).completed == 1)
  }

  // Who may migrate.

  @Test func aMigrationThatTheRoleMayNotMakeIsToldWithItsOwner() throws {
    let fixture = try PostgresFixture(from: "users")
    let url = try fixture.role()
    let migration = try PostgresMigration(url: url)
    for body in [{ _ = try migration.plan() }, { _ = try migration.run() }] {
      let error = #expect(throws: Fatal.self) { try body() }
      #expect(error?.code == .permission)
      for words in [
        "postgres", "worker_", "lease_token", "index_documents_pending", "migrate --index",
      ] {
        #expect(error?.message.contains(words) == true, "\(String(describing: error))")
      }
    }
    #expect(try fixture.sql("SELECT to_regclass('conveyor_migrations') IS NULL") == [["t"]])
  }

  /// The client is cut off, and the server makes the claim later: its tokens are nobody's.
  @Test func aLateClaimHasTokensOfItsOwn() throws {
    let fixture = try PostgresFixture()
    let index = try fixture.open(with: Document.pages(6))
    let run = Run.test()
    let known = try index.claim(Selection(), for: run, count: 2).compactMap { Lease($0) }
    let late = ClaimStatement(
      .trusted, Selection(), run, count: 2, mark: Lease.newMark(), isPlain: true)
    let stranger = try fixture.stranger()
    try stranger.query(late.sql, late.values)
    let all = Set(try index.leases(of: run))
    #expect(all.count == 4)
    let orphans = all.subtracting(known)
    #expect(orphans.allSatisfy { orphan in known.allSatisfy { $0.mark != orphan.mark } })
    try index.release(Array(orphans))
    #expect(Set(try index.leases(of: run)) == Set(known))
  }
}
