import Common
import Glibc
import Index
import Support
import Testing

@testable import Index

@Suite struct SQLiteIndexTests {
  @Test(
    arguments:
      ClaimChecks.all + SelectionChecks.all + SettleChecks.all + StaleChecks.all + ReportChecks.all
      + HealthChecks.all + StoredChecks.all + OddRowChecks.all)
  func conforms(_ check: Check) throws {
    try check.run(try SQLiteFixture())
  }

  @Test(arguments: [
    ("index.db", "index.db"), ("sqlite:index.db", "index.db"), ("./a:b.db", "./a:b.db"),
    ("sqlite:/srv/index.db", "/srv/index.db"), ("sqlite:///srv/index.db", "/srv/index.db"),
    ("mysql://db/x", nil), ("sqlite:", nil), ("", nil),
  ])
  func urls(url: String, path: String?) throws {
    #expect((try? IndexURL(url)) == path.map(IndexURL.sqlite))
  }

  /// A column of SQLite takes anything.
  @Test func valuesOfAnotherTypeStopNothing() throws {
    let fixture = try SQLiteFixture()
    let index = try fixture.open(with: Document.pages(3))
    let odd = ["9223372036854775807", "'many'", "x'ff00fe'"]
    for page in 1...3 {
      try fixture.sql(
        """
        UPDATE index_documents SET download_status = 'completed', gcs_path = \(odd[page - 1]),
          content_bytes = \(odd[page - 1]), original_bytes = 1e300, content_sha256 = \(odd[page - 1]),
          content_md5 = \(odd[page - 1]), optimize_outcome = \(odd[page - 1]),
          optimize_reason = \(odd[page - 1]), optimize_rejected_bytes = \(odd[page - 1]), downloaded_at = \(odd[page - 1]), num_pages = 1e300,
          book = CASE page WHEN 1 THEN 9223372036854775807 WHEN 2 THEN 9223372036854775000 ELSE 5 END
        WHERE page = \(page)
        """)
    }
    let report = try index.report(Selection())
    #expect(report.status.completed == 3 && report.completedWithoutSizes == 3)
    #expect(report.mismatches.count == 3 && report.optimizations.isEmpty)
    #expect(try index.storedRows(Selection()).next()?.count == 3)
    #expect(try index.statuses(of: ["1", "2", "3"]).count == 3)
    #expect(try index.mismatches(Selection(), after: 0, count: 9).isEmpty)
  }

  /// Found with a table that `sqlite3 .import` had filled: its records were none to fetch, and the run
  /// waited for documents that could never be settled.
  @Test(
    arguments: [
      ("''", nil), ("' '", nil), ("'many'", nil), ("x'ff'", nil), ("1e300", nil), ("7.5", nil),
      ("'62379'", 62379), ("' 62379 '", 62379), ("62379.0", 62379), ("62379", 62379),
    ] as [(String, Int?)])
  func numbersAreNumbersOrLeftOut(_ odd: String, _ number: Int?) throws {
    let fixture = try SQLiteFixture()
    let index = try fixture.open(with: Document.pages(1))
    try fixture.sql(
      "UPDATE index_documents SET instrument_number = \(odd), gin = \(odd), num_pages = \(odd)")
    let record = try #require(try index.preview(Selection(), count: 1).first)
    for name in ["instrument_number", "gin", "num_pages"] {
      #expect(record[name]?.int == number && (record[name] == nil) == (number == nil), "\(record)")
    }
    #expect(throws: Never.self) { try DocumentRecord(.object(record.fields)) }
  }

  @Test func aMissingFileIsNotCreatedByChance() throws {
    let fixture = try SQLiteFixture()
    let error = #expect(throws: Fatal.self) { try openIndex(fixture.path) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("enqueue import") == true)
    #expect(access(fixture.path, F_OK) != 0)
  }

  @Test func aFileThatIsNoDatabaseIsLeftAlone() throws {
    let fixture = try SQLiteFixture()
    try fixture.directory.write("documents,documents,documents\n", to: "index.db")
    let error = #expect(throws: Fatal.self) { try fixture.open() }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("not a SQLite database") == true)
  }

  @Test func aTableWithoutNeededColumnsIsNamed() throws {
    let fixture = try SQLiteFixture()
    try fixture.sql("CREATE TABLE index_documents (id INTEGER PRIMARY KEY, book INTEGER)")
    for creating in [true, false] {
      let error = #expect(throws: Fatal.self) {
        try openIndex(fixture.path, creating: creating)
      }
      #expect(error?.code == .configuration)
      #expect(error?.message.contains("lacks the columns source") == true)
    }
  }

  @Test func aTableFromElsewhereGetsOurColumns() throws {
    let fixture = try SQLiteFixture()
    _ = try fixture.open(with: Document.pages(1))
    let ours = SQLiteSchema.added.map { "ALTER TABLE theirs DROP COLUMN \($0.name);" }.joined()
    try fixture.sql(
      """
      CREATE TABLE theirs AS SELECT * FROM index_documents; \(ours)
      ALTER TABLE theirs ADD COLUMN judge TEXT DEFAULT 'theirs';
      DROP TABLE index_documents; DROP TABLE grdb_migrations;
      ALTER TABLE theirs RENAME TO index_documents;
      """)
    let error = #expect(throws: Fatal.self) { try openIndex(fixture.path) }
    #expect(error?.message.contains("lease_token") == true)
    _ = try fixture.open()
    let index = try openIndex(fixture.path)
    #expect(try index.claim(Selection(), for: .test(), count: 5).count == 1)
    #expect(try fixture.row(page: 1, "judge, retrying, download_attempts") == ["theirs", "0", "1"])
  }

  @Test func aTableOfTheVersionBeforeGetsTheNewestColumns() throws {
    let fixture = try SQLiteFixture()
    _ = try fixture.open(with: Document.pages(1))
    let newest = ["optimize_outcome", "optimize_reason", "optimize_rejected_bytes"]
    try fixture.sql(
      newest.map { "ALTER TABLE index_documents DROP COLUMN \($0);" }.joined()
        + "DELETE FROM grdb_migrations WHERE identifier LIKE '5%'")
    #expect(
      try SQLiteIndex.plan(path: fixture.path) == newest.map { "would add the column \($0)" })
    // Opening it migrates it, once.
    for _ in 1...2 {
      #expect(try openIndex(fixture.path).report(Selection()).optimizations.isEmpty)
      #expect(try SQLiteIndex.plan(path: fixture.path).isEmpty)
    }
  }

  /// As somebody else's software made it: no constraints, and values of any type.
  private func theirs() throws -> SQLiteFixture {
    let fixture = try SQLiteFixture()
    _ = try fixture.open(with: Document.pages(6))
    try fixture.sql(
      """
      CREATE TABLE theirs AS SELECT * FROM index_documents;
      DROP TABLE index_documents; DROP TABLE grdb_migrations;
      ALTER TABLE theirs RENAME TO index_documents
      """)
    _ = try fixture.open()
    return fixture
  }

  @Test func oddValuesAreSetRight() throws {
    let fixture = try theirs()
    try fixture.sql(
      """
      UPDATE index_documents SET download_status = NULL WHERE page = 1;
      UPDATE index_documents SET download_status = ' Pending ' WHERE page = 2;
      UPDATE index_documents SET download_status = 'done' WHERE page = 3;
      UPDATE index_documents SET download_priority = NULL, download_attempts = NULL WHERE page = 4;
      UPDATE index_documents SET download_attempts = 'two' WHERE page = 5
      """)
    let index = try fixture.open()
    let counts = try index.counts(Selection())
    #expect(counts.unknown == 3)
    #expect(counts.skipped == 0)
    #expect(Set(pages(try index.preview(Selection(), count: 9))) == [4, 5, 6])
    #expect(try SQLiteIndex.plan(path: fixture.path).count == 4)
    #expect(try SQLiteIndex(path: fixture.path).mend().count == 4)
    #expect(try SQLiteIndex.plan(path: fixture.path) == [])
    #expect(
      pages(try index.claim(Selection(), for: .test(), count: 9)).sorted() == [1, 2, 4, 5, 6])
    #expect(try index.counts(Selection()).unknown == 1)
  }

  @Test(arguments: ["TEXT", "uuid", "REAL"])
  func idsThatAreNoNumbersAreToldAtOnce(type: String) throws {
    let fixture = try SQLiteFixture()
    _ = try fixture.open(with: Document.pages(1))
    try fixture.sql(
      """
      CREATE TABLE theirs AS SELECT * FROM index_documents; DROP TABLE index_documents;
      ALTER TABLE theirs DROP COLUMN id; ALTER TABLE theirs ADD COLUMN id \(type) DEFAULT 'a-1';
      ALTER TABLE theirs RENAME TO index_documents
      """)
    let error = #expect(throws: Fatal.self) { try openIndex(fixture.path) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("INTEGER PRIMARY KEY") == true)
  }

  /// One lease would be for all documents of an id, and none could be found without one.
  @Test(
    arguments: [
      ("NULL", "not whole numbers"), ("'x7'", "not whole numbers"), ("1.5", "not whole numbers"),
      ("1", "several documents have"),
    ])
  func idsThatTellNoDocumentsApartAreToldAtOnce(_ id: String, _ words: String) throws {
    let fixture = try theirs()
    try fixture.sql("UPDATE index_documents SET id = \(id) WHERE page = 2")
    for creating in [true, false] {
      let error = #expect(throws: Fatal.self) { try openIndex(fixture.path, creating: creating) }
      #expect(error?.code == .configuration)
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
    try fixture.sql("UPDATE index_documents SET id = 77 WHERE page = 2")
    #expect(try openIndex(fixture.path).claim(Selection(), for: .test(), count: 9).count == 6)
  }

  @Test func aPlanForWhatIsNotThereMakesNothing() throws {
    let fixture = try SQLiteFixture()
    let error = #expect(throws: Fatal.self) { try SQLiteIndex.plan(path: fixture.path) }
    #expect(error?.code == .configuration)
    #expect(access(fixture.path, F_OK) != 0)
    try fixture.sql("CREATE TABLE deeds (id INTEGER)")
    let other = #expect(throws: Fatal.self) { try SQLiteIndex.plan(path: fixture.path) }
    #expect(other?.message.contains("has no table") == true)
  }

  @Test func aViewIsToldAtOnce() throws {
    let fixture = try SQLiteFixture()
    _ = try fixture.open()
    try fixture.sql(
      """
      ALTER TABLE index_documents RENAME TO deeds;
      CREATE VIEW index_documents AS SELECT * FROM deeds
      """)
    let error = #expect(throws: Fatal.self) { try openIndex(fixture.path) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("is a view") == true)
  }

  @Test func updatedAtIsKeptForEverybody() throws {
    let fixture = try SQLiteFixture()
    _ = try fixture.open(with: Document.pages(1))
    try fixture.sql("UPDATE index_documents SET updated_at = '2001-01-01 00:00:00.000'")
    try fixture.sql("UPDATE index_documents SET description = 'changed by hand'")
    let isNew = "updated_at > \(fixture.time(-5))"
    #expect(try fixture.row(page: 1, "CASE WHEN \(isNew) THEN 'new' END") == ["new"])
  }

  @Test func aStatusOutsideTheVocabularyIsRefused() throws {
    let fixture = try SQLiteFixture()
    let index = try fixture.open()
    let rows = [Document(page: 1, status: "done").row, Document(page: 2).row]
    let addition = try index.add(rows)
    #expect(addition.added == 1)
    #expect(addition.refused.map(\.place) == [0])
  }

  @Test func aLockedIndexIsUnavailable() throws {
    let fixture = try SQLiteFixture()
    _ = try fixture.open(with: Document.pages(1))
    let holder = try SQLiteDatabase(path: fixture.path)
    let waiter = try SQLiteDatabase(path: fixture.path, timeout: 0.05)
    let error = #expect(throws: Fatal.self) {
      try holder.write { _ in try waiter.write { _ in } }
    }
    #expect(error?.code == .unavailable)
  }

  @Test func aReadOnlyFileIsAnInputOutputError() throws {
    let fixture = try SQLiteFixture()
    try fixture.directory.write("", to: "index.db")
    let database = try SQLiteDatabase(path: fixture.path)
    let error = #expect(throws: Fatal.self) {
      try database.read { _ in throw Fatal(.inputOutput, "passes as it is") }
    }
    #expect(error == Fatal(.inputOutput, "passes as it is"))
  }
}
