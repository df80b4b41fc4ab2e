import Common
import Foundation
import Support
import Testing

/// Each kind of trouble with an index or a stage: one clear line, the right exit code, and nothing
/// changed; and never a password.
@Suite(.enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
struct IndexTroubleTests {
  private static let canary = "hunter2canary"

  struct Trouble: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Turns the index into one that cannot be used.
    var sql = ""
    /// The URL's part between user and name.
    var user = "postgres"
    var password = "right"
    var server = ""
    var stage = "books: [1-9]"
    let code: ToolExit
    let words: [String]
    /// Whether it is met only by whoever writes.
    var isAboutWriting = false
  }

  static let troubles: [Trouble] = [
    Trouble(
      testDescription: "a wrong password", password: canary, code: .permission,
      words: ["28P01", "PGPASSWORD"]),
    Trouble(
      testDescription: "a user that is not there", user: "nobody", password: canary,
      code: .permission, words: ["nobody"]),
    Trouble(
      testDescription: "a server that is not there", password: canary, server: "127.0.0.1:1",
      code: .unavailable, words: ["127.0.0.1:1", "is the server up"]),
    Trouble(
      testDescription: "a missing table", sql: "DROP TABLE index_documents CASCADE",
      code: .configuration, words: ["no table index_documents", "enqueue init"]),
    Trouble(
      testDescription: "a missing column of ours",
      sql: "ALTER TABLE index_documents DROP COLUMN lease_token",
      code: .configuration, words: ["lease_token", "enqueue migrate"]),
    Trouble(
      testDescription: "a missing column of theirs",
      sql: "ALTER TABLE index_documents DROP COLUMN instrument_number",
      code: .configuration, words: ["instrument_number", "docs/index.md"]),
    Trouble(
      testDescription: "no privilege to read", user: "reader", code: .permission,
      words: ["42501", "GRANT"]),
    Trouble(
      testDescription: "no privilege to write", sql: "GRANT SELECT ON index_documents TO reader",
      user: "reader", code: .permission, words: ["42501", "GRANT"], isAboutWriting: true),
    Trouble(
      testDescription: "a stage with a typo", stage: "bokks: [1-9]", code: .configuration,
      words: ["unknown setting \"bokks\"", "stage.yaml", "books"]),
    Trouble(
      testDescription: "a stage with a wrong value", stage: "books: [9-1]", code: .configuration,
      words: ["books", "stage.yaml"]),
    Trouble(
      testDescription: "a stage that is not there", stage: "", code: .configuration,
      words: ["there is no stage", "stage.yaml"]),
  ]

  @Test(arguments: troubles)
  func isSaid(_ trouble: Trouble) throws {
    let database = try Database().initialized()
    try database.rows(
      """
      INSERT INTO index_documents (source, book, page) SELECT 'S', 1, n FROM generate_series(1, 3) n;
      DO $$ BEGIN
        CREATE ROLE reader LOGIN PASSWORD 'right'; EXCEPTION WHEN duplicate_object THEN NULL;
      END $$;
      \(trouble.sql)
      """)
    let folder = try TemporaryDirectory()
    if !trouble.stage.isEmpty { try folder.write(trouble.stage, to: "stage.yaml") }
    let server = trouble.server.isEmpty ? "127.0.0.1:\(database.server.port)" : trouble.server
    let url = "postgres://\(trouble.user):\(trouble.password)@\(server)/\(database.name)"
    let before = try dump(database)

    let stage = ["--stage", "\(folder.path)/stage.yaml", "--log-file", "\(folder.path)/log"]
    let enqueue =
      trouble.isAboutWriting ? [["--no-wait"], ["retry"]] : [["--no-wait"], ["count"]]
    var ends = try enqueue.map { try run("enqueue", ["--index", url] + stage + $0) }
    if !trouble.isAboutWriting {
      ends.append(try run("validate", ["--settle", "--index", url] + stage))
      ends.append(try run("enqueue", ["preflight"] + stage, environment: ["CONVEYOR_INDEX": url]))
    }
    for end in ends {
      #expect(end.code == trouble.code.rawValue, "\(end)")
      #expect(end.errors.split(separator: "\n").count == 1, "\(end)")
      #expect(end.output.isEmpty, "\(end)")
      for word in trouble.words { #expect(end.errors.contains(word), "\(end)") }
      #expect(!end.errors.contains(Self.canary), "\(end)")
    }
    #expect(!Files.lines("\(folder.path)/log").joined().contains(Self.canary))
    #expect(try dump(database) == before)
  }

  private func dump(_ database: Database) throws -> [[String]] {
    let isThere = try database.rows("SELECT to_regclass('index_documents') IS NOT NULL") == [["t"]]
    return isThere ? try database.rows("SELECT * FROM index_documents ORDER BY id") : []
  }

  @Test("A password is seen nowhere: not in a log, a record, an error or an argument")
  func canary() throws {
    let database = try Database().initialized()
    // Of its own: other tests give theirs in arguments.
    let secret = "hunter3\(database.name)"
    let role = "canary_\(database.name)"
    try database.rows(
      """
      CREATE ROLE \(role) LOGIN PASSWORD '\(secret)';
      ALTER TABLE index_documents OWNER TO \(role)
      """)
    let pipeline = try PipelineRun(documents: 12, ["--latency", "0.05"], in: database)
    let address = "127.0.0.1:\(database.server.port)/\(database.name)"
    let program = try pipeline.start(
      ["--index", "postgres://\(address)", "--log-level", "debug"],
      environment: ["DB_USER": role, "DB_PASSWORD": secret])
    pipeline.waitForScans(2)
    let arguments = try run(
      "/bin/sh", ["-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"])
    #expect(arguments.text.contains("enqueue --stage \(pipeline.folder.path)"))
    #expect(!arguments.text.contains(secret))
    let end = program.wait()
    #expect(end.code == 0, "\(end)")
    // A database that goes away is told in the log.
    let wrong = try run(
      "enqueue", ["count", "--index", "postgres://\(address)x", "--verbose"],
      environment: ["DB_USER": role, "PGPASSWORD": secret, "DB_PASSWORD": secret])
    #expect(wrong.code == ToolExit.configuration.rawValue, "\(wrong)")
    #expect(!(end.errors + end.text + wrong.errors).contains(secret))
    let found = try run(
      "/bin/grep", ["-r", "-l", "-a", secret, pipeline.folder.path])
    #expect(found.text == "", "\(found)")
  }
}
