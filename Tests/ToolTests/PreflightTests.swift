import Common
import Support
import Testing

/// The look before a run at the users' table as it is when our software comes.
@Suite(.enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
struct PreflightTests {
  private func usersTable() throws -> Database {
    let database = try Database()
    try database.rows(
      """
      \(UsersTable.sql)
      INSERT INTO index_documents (source, book, page, instrument_type_parsed, clerk)
      SELECT 'DuProcess', 300, n, 'DEED', 'theirs' FROM generate_series(1, 7) n
      """)
    return database
  }

  /// script(1) gives the program a terminal, and types the answer.
  private func onTerminal(_ database: Database, _ options: String, answer: String) throws
    -> Finished
  {
    try run(
      "/usr/bin/script",
      ["-q", "-e", "-c", "\(toolPath("enqueue")) --preflight \(options)", "/dev/null"],
      input: Array("\(answer)\n".utf8), environment: ["CONVEYOR_INDEX": database.url])
  }

  @Test("On a terminal it asks; no changes nothing, yes adds what is missing and goes on")
  func asked() throws {
    let database = try usersTable()
    let columns = "SELECT COUNT(*) FROM pg_attribute WHERE attrelid = 'index_documents'::regclass"
    let before = try database.rows(columns)
    let no = try onTerminal(database, "", answer: "n")
    #expect(no.code == ToolExit.configuration.rawValue, "\(no)")
    #expect(no.text.contains("Add it now? (y/n)"), "\(no)")
    #expect(no.text.contains("nothing was changed"), "\(no)")
    #expect(try database.rows(columns) == before)
    let dry = try onTerminal(database, "--dry-run", answer: "y")
    #expect(dry.code == ToolExit.configuration.rawValue, "\(dry)")
    #expect(try database.rows(columns) == before)
    let yes = try onTerminal(database, "", answer: "y")
    #expect(yes.code == 0, "\(yes)")
    #expect(yes.text.contains("made 1-leases.sql"), "\(yes)")
    #expect(yes.text.contains("7  DEED"), "\(yes)")
    #expect(
      try database.rows("SELECT DISTINCT clerk, download_status FROM index_documents")
        == [["theirs", "pending"]])
    let again = try onTerminal(database, "", answer: "n")
    #expect(again.code == 0, "\(again)")
    #expect(!again.text.contains("Add it now?"))
  }

  @Test("Without a terminal it says the command, also to whoever starts the driver")
  func told() throws {
    let database = try usersTable()
    let folder = try TemporaryDirectory()
    try folder.write("books: [1-3971]\nportals: [mid]\nkey: '{id}.pdf'", to: "stage.yaml")
    let end = try run(
      "\(sourceTree)/bin/conveyor",
      [
        "run", "--stage", "\(folder.path)/stage.yaml", "--index", database.url, "--to",
        "\(folder.path)/bucket", "--state", "\(folder.path)/state",
        "--portal-base", "http://127.0.0.1:1", "--yes",
      ], environment: ["CONVEYOR_BIN": builtTools], directory: folder.path)
    #expect(end.code == ToolExit.configuration.rawValue, "\(end)")
    #expect(end.errors.contains("lacks the columns lease_token"), "\(end)")
    #expect(end.errors.contains("`enqueue migrate` adds what is missing"), "\(end)")
    #expect(end.errors.split(separator: "\n").count == 1, "\(end)")
    #expect(Files.all(in: folder.path) == ["stage.yaml"])
  }
}
