import Common
import Foundation
import Index
import Config
import Support
import Testing

/// Whose a lease is, and what is not claimed at all, through the built programs.
@Suite struct LeaseTests {
  private let folder: TemporaryDirectory
  private var index: String { "\(folder.path)/index.db" }

  init() throws {
    folder = try TemporaryDirectory()
    let rows = (1...40).map { "S,\($0 <= 20 ? 30 : 250),\($0),DEED - [X],1951-04-03" }
    let header = "source,book,page,instrument_type_raw,file_date"
    let added = try enqueue(
      ["import", "-"], input: ([header] + rows).joined(separator: "\n"))
    #expect(added.code == 0, "\(added)")
  }

  private func enqueue(_ options: [String], input: String = "") throws -> Finished {
    try run("enqueue", ["--index", index] + options, input: Array(input.utf8))
  }

  private func counts() throws -> StatusCounts { try openIndex(index).counts(Selection()) }

  private func sql(_ text: String) throws {
    #expect(try run("/usr/bin/sqlite3", ["-cmd", ".timeout 5000", index, text]).code == 0)
  }

  @Test("A living run keeps its leases from one with the same host name in another PID namespace")
  func namespaces() throws {
    let isPermitted = try run("/usr/bin/unshare", ["-pf", "--mount-proc", "true"]).code == 0
    guard isPermitted else { return }
    let living = try Program("enqueue", ["--index", index, "--limit", "30", "--workers", "30"])
    #expect(eventually { (try? self.counts().inProgress) == 30 })
    let other = try run(
      "/usr/bin/unshare",
      ["-pf", "--mount-proc", toolPath("enqueue"), "--index", index, "--no-wait", "--lease", "1s"])
    #expect(other.lines.count == 10, "\(other)")
    // What that run had is settled, or its short leases would be over before the next look.
    let ids = try other.lines.map { try DocumentRecord(JSON(parsing: Array($0.utf8))).id }
    try sql(
      """
      UPDATE index_documents SET download_status = 'completed', lease_token = NULL
      WHERE id IN (\(ids.joined(separator: ",")))
      """)
    #expect(try counts().inProgress == 30)
    // The same from one's own namespace, and once it is dead.
    #expect(try enqueue(["--no-wait", "--lease", "1s"]).lines.isEmpty)
    living.signal(SIGKILL)
    _ = living.wait()
    #expect(try enqueue(["--no-wait", "--lease", "1s", "--limit", "30"]).lines.count == 30)
  }

  @Test("What the index has in a run's name without its doing is given back, and the run ends")
  func orphans() throws {
    let living = try Program("enqueue", ["--index", index, "--limit", "2", "-v"])
    #expect(eventually { (try? self.counts().inProgress) == 2 })
    // As a claim that the server made after its client was cut off.
    try sql(
      """
      UPDATE index_documents SET download_status = 'in_progress', download_attempts = 1,
        lease_token = 'ffffffffffffffff0000000000000000', lease_expires_at = '2999-01-01',
        lease_owner = (SELECT lease_owner FROM index_documents WHERE page = 1)
      WHERE page IN (3, 4, 5)
      """)
    #expect(eventually { (try? self.counts().inProgress) == 2 })
    try sql(
      "UPDATE index_documents SET download_status = 'completed', lease_token = NULL WHERE page < 3")
    let end = living.wait()
    #expect(end.code == 0, "\(end)")
    #expect(end.errors.contains("released 3 documents"), "\(end)")
  }

  @Test("A run that does not wait ends when its reader is gone, and gives back what it had")
  func readerGone() throws {
    let script = "\"$0\" --index '\(index)' --no-wait --workers 1 -v | head -n 1"
    let began = Date()
    let end = try run("/bin/sh", ["-c", script, toolPath("enqueue")])
    #expect(end.lines.count == 1)
    #expect(Date().timeIntervalSince(began) < 30)
    #expect(try counts().inProgress == 0)
    #expect(try counts().pending == 40)
  }

  @Test(
    "Rows that a trigger keeps as they are end a run that does not wait, with the trigger's name")
  func blocked() throws {
    try sql(
      """
      CREATE TRIGGER keep BEFORE UPDATE ON index_documents BEGIN SELECT RAISE(IGNORE); END
      """)
    let end = try enqueue(["--no-wait"])
    #expect(end.code == ToolExit.configuration.rawValue, "\(end)")
    #expect(end.errors.contains("the trigger keep"), "\(end)")
    // One that waits says the same, and does not ask a thousand times a second.
    let waiting = try Program("enqueue", ["--index", index, "-v"])
    #expect(eventually { waiting.errors.contains("the trigger keep") })
    waiting.signal(SIGINT)
    #expect(waiting.wait().code == ToolExit.interrupted.rawValue)
  }

  @Test("A row that refuses to be claimed is named in the end, and the others are claimed")
  func refused() throws {
    try sql(
      """
      CREATE TRIGGER odd BEFORE UPDATE ON index_documents WHEN NEW.page = 7
      BEGIN SELECT RAISE(ABORT, 'page seven is closed'); END
      """)
    let end = try enqueue(["--no-wait", "--lease", "1s"])
    #expect(end.lines.count == 39)
    #expect(end.code == ToolExit.documentsFailed.rawValue, "\(end)")
    #expect(end.errors.contains("page seven is closed"), "\(end)")
  }

  @Test(
    "What cannot be served ends before a claim, with the nearest right value",
    arguments: [
      (["--type", "Deed"], "did you mean \"DEED\"?"), (["--type", " DEED "], "\"DEED\""),
      (["--type", "DED"], "\"DEED\""), (["--type", "PATENT"], "there are \"DEED\""),
      (["--exclude", "Deed"], "--exclude: no document of the index has the type \"Deed\""),
      (["--source", "s"], "did you mean \"S\"?"),
      (["--books", "5", "--portal", "mid"], "mid has 238-3971; the nearest book is 238"),
      (["--books", "4000-", "--portal", "mid", "--portal", "historical"], "nearest book is 3971"),
    ])
  func unserved(options: [String], words: String) throws {
    let portals = ["--portals-dir", "\(sourceTree)/portals"]
    for mode in [[], ["count"], ["preflight"], ["--dry-run"]] {
      let end = try enqueue(options + portals + mode)
      #expect(end.code == ToolExit.configuration.rawValue, "\(end)")
      #expect(end.errors.contains(words), "\(end)")
    }
    #expect(try counts().pending == 40)
  }

  @Test(
    "A key or a portal that names a field almost right is refused",
    arguments: [
      ("{Book}", "{book}"), ("{instrument_numbr}", "{instrument_number}"),
      ("{documenttype}", "{document_type}"), ("{pages}", "{page}"),
    ])
  func fields(key: String, nearest: String) throws {
    try folder.write("extends: common\nkey: '\(key).pdf'\n", to: "mine.yaml")
    let folders = [
      "--stages-dir", "\(sourceTree)/stages", "--portals-dir", "\(sourceTree)/portals",
    ]
    try folder.write("base: http://localhost/\ndocument: '\(key)'\n", to: "portal.yaml")
    let ends = [
      try enqueue(["--stage", "\(folder.path)/mine.yaml"] + folders),
      try run("upload", ["--to", "\(folder.path)/bucket", "--key-template", "\(key).pdf"]),
      try run(
        "fetch",
        [
          "--portal", "\(folder.path)/portal.yaml", "--state", "\(folder.path)/state", "--spool",
          "\(folder.path)/spool",
        ]),
    ]
    for end in ends {
      #expect(end.code == ToolExit.configuration.rawValue, "\(end)")
      #expect(end.errors.contains(nearest), "\(end)")
    }
    #expect(try counts().pending == 40)
  }

  @Test("The first rehearsal has some documents of each portal")
  func spread() throws {
    let options = [
      "--stage", "stage-0-test", "--stages-dir", "\(sourceTree)/stages",
      "--portals-dir", "\(sourceTree)/portals",
    ]
    for end in [
      try enqueue(options + ["--dry-run"]), try enqueue(options + ["--no-wait", "--lease", "1s"]),
    ] {
      let books = try end.records.compactMap { $0["book"]?.int }
      #expect(books.filter { $0 == 30 }.count == 10, "\(end)")
      #expect(books.filter { $0 == 250 }.count == 10)
      #expect(end.code == 0, "\(end)")
    }
  }

  @Test("A migration's plan names columns and indexes")
  func plan() throws {
    try sql(
      """
      DROP INDEX index_documents_troubled; ALTER TABLE index_documents DROP COLUMN content_md5;
      UPDATE index_documents SET download_attempts = 0
      """)
    let plan = try enqueue(["migrate", "--dry-run"])
    #expect(plan.code == 0, "\(plan)")
    #expect(plan.errors.contains("would add the column content_md5"), "\(plan)")
    #expect(plan.errors.contains("would add the database index index_documents_troubled"))
  }
}
