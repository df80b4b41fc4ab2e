import Common
import Glibc
import Index
import Support
import Testing

/// One document, as an operator asks for it and steers it.
@Suite("About one document")
struct WhyTests {
  @Test("why says what each place knows, skip and retry change its status")
  func story() throws {
    let pipeline = try PipelineRun(documents: 12, ["--document-size", "2000"])
    #expect(try pipeline.start().wait().code == 0)
    func conveyor(_ words: [String]) throws -> Finished {
      try run(
        "\(sourceTree)/bin/conveyor", words + ["--index", pipeline.indexURL],
        environment: ["CONVEYOR_BIN": builtTools])
    }
    let ask = ["why", "1", "--state", pipeline.state, "--to", pipeline.to]
    let stored = try conveyor(ask)
    #expect(stored.code == 0, "\(stored)")
    for words in ["1: completed", "there, as recorded", "Last in the log:", "What to do: nothing"] {
      #expect(stored.text.contains(words), "\(stored)")
    }
    // Gone from the store, as somebody may have done by hand.
    for path in Files.all(in: pipeline.to) { unlink("\(pipeline.to)/\(path)") }
    #expect(try conveyor(ask).text.contains("reconcile --repair"))

    #expect(try conveyor(["skip", "1", "--why", "sealed"]).errors.contains("it is completed"))
    #expect(try conveyor(["retry", "1"]).errors.contains("0 failed or skipped documents"))
    try pipeline.rows(
      """
      UPDATE index_documents SET download_status = 'failed', error_class = 'restricted',
        download_error = 'HTTP 403' WHERE id IN (2, 3)
      """)
    #expect(try conveyor(["why", "2"]).text.contains("conveyor skip 2 --why"))
    #expect(try conveyor(["skip", "2", "3", "--why", "sealed"]).errors.contains("2 documents"))
    let skipped = try conveyor(["why", "2"])
    #expect(skipped.text.contains("reason    sealed") && skipped.text.contains("conveyor retry 2"))
    // By its id it comes back, and no other way.
    #expect(try conveyor(["retry"]).errors.contains("0 failed documents"))
    #expect(try conveyor(["retry", "2", "--dry-run"]).errors.contains("would set 1 failed or"))
    #expect(try conveyor(["retry", "2"]).errors.contains("set 1 failed or skipped document"))
    #expect(
      try pipeline.rows(
        """
        SELECT download_status, download_attempts, coalesce(download_error, '') FROM index_documents
        WHERE id IN (2, 3) ORDER BY id
        """) == [["pending", "0", ""], ["skipped", "1", "sealed"]])
    #expect(try conveyor(["why", "4711"]).code == 74)
    #expect(try conveyor(["why", "deed"]).code == 64)
  }

  @Test("retry takes no more than it is asked for, and names what stays")
  func retries() throws {
    let folder = try TemporaryDirectory()
    let rows = (1...5).map { "S,1,\($0)" }
    try folder.write("source,book,page\n" + rows.joined(separator: "\n") + "\n", to: "a.csv")
    func enqueue(_ words: [String]) throws -> Finished {
      try run("enqueue", words + ["--index", "index.db"], directory: folder.path)
    }
    #expect(try enqueue(["import", "a.csv"]).code == 0)
    let failing = "UPDATE index_documents SET download_status = 'failed' WHERE id <> 3"
    #expect(try run("/usr/bin/sqlite3", ["\(folder.path)/index.db", failing]).code == 0)
    #expect(try enqueue(["retry", "--limit", "2", "--dry-run"]).errors.contains("would set 2 "))
    #expect(try enqueue(["retry", "--limit", "2"]).errors.contains("set 2 failed documents"))
    let named = try enqueue(["retry", "1", "3", "4", "4711"])
    for words in [
      "1 stays: it is pending", "3 stays: it is pending", "4711 stays: there is no such document",
      "set 1 failed or skipped document back",
    ] { #expect(named.errors.contains(words), "\(named)") }
    let counts = try openIndex("\(folder.path)/index.db").counts(Selection())
    #expect(counts.failed == 1 && counts.pending == 4)
  }

  @Test("migrate changes a table that is there, and makes none")
  func migrations() throws {
    let folder = try TemporaryDirectory()
    for options in [["--dry-run"], []] {
      let end = try run(
        "enqueue", ["migrate", "--index", "typo.db"] + options, directory: folder.path)
      #expect(end.code == ToolExit.configuration.rawValue, "\(end)")
      #expect(Files.all(in: folder.path).isEmpty)
    }
    #expect(try run("enqueue", ["init", "--index", "index.db"], directory: folder.path).code == 0)
    let change = """
      ALTER TABLE index_documents DROP COLUMN content_md5; DROP INDEX index_documents_pending
      """
    #expect(try run("/usr/bin/sqlite3", ["\(folder.path)/index.db", change]).code == 0)
    for expected in [
      ["added the column content_md5", "added the database index index_documents_pending"],
      ["nothing to change"],
    ] {
      let end = try run("enqueue", ["migrate", "--index", "index.db"], directory: folder.path)
      #expect(end.code == 0, "\(end)")
      for words in expected { #expect(end.errors.contains(words), "\(end)") }
    }
    let claimed = try run(
      "enqueue", ["--index", "index.db", "--no-wait"], directory: folder.path)
    #expect(claimed.code == 0, "\(claimed)")
  }
}
