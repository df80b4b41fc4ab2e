import Common
import Glibc
import Index
import Support
import Testing

@Suite("What validate says of an index")
struct ReportTests {
  private let folder: TemporaryDirectory
  private var index: String { "\(folder.path)/index.db" }

  /// Twenty documents, of which the first are completed with a mismatch.
  init() throws {
    folder = try TemporaryDirectory()
    let rows = (1...20).map { "DuProcess,300,\($0),\($0 == 2 ? "=1+1" : "DEED")" }
    let added = try run(
      "enqueue", ["import", "-", "--index", index, "--format", "csv"],
      lines: ["source,book,page,instrument_type_parsed"] + rows)
    try #require(added.code == 0, "\(added)")
    try sql(
      """
      UPDATE index_documents SET download_status = 'completed', instrument_number = page + 100,
        downloaded_at = strftime('%Y-%m-%d %H:%M:%f', 'now'), actual_book = 301, actual_page = page,
        book_page_mismatch = TRUE WHERE page <= 2
      """)
  }

  private func sql(_ text: String) throws {
    let done = try run("/usr/bin/sqlite3", ["-bail", index], lines: [text])
    try #require(done.code == 0, "\(done)")
  }

  private func validate(_ arguments: String...) throws -> Finished {
    try run("validate", ["--index", index] + arguments, directory: folder.path)
  }

  @Test("The monitor's exit code is for cron")
  func monitor() throws {
    let good = try validate("monitor")
    #expect(good.code == 0, "\(good)")
    #expect(good.lines.first?.hasPrefix("good") == true)
    try sql(
      """
      UPDATE index_documents SET download_status = 'failed', error_class = 'bad_pdf',
        download_error = 'nothing' WHERE page > 2
      """)
    let bad = try validate("monitor", "--json")
    #expect(bad.code == ToolExit.documentsFailed.rawValue, "\(bad)")
    #expect(try bad.records.first?["level"]?.string == "critical")
    try sql("UPDATE index_documents SET error_class = 'absent' WHERE page > 2")
    let absent = try validate("monitor", "--json")
    #expect(absent.code == 0, "that the portal does not have them is an answer: \(absent)")
    #expect(try absent.records.first?["recent_absent"]?.int == 18)
    let away = try run("validate", ["monitor", "--index", "postgres://u@127.0.0.1:1/x"])
    #expect(away.code == ToolExit.unavailable.rawValue, "\(away)")
  }

  @Test("Files are written, and nothing is printed")
  func files() throws {
    let end = try validate("report", "--html", "report.html", "--csv", "tables")
    #expect(end.code == 0 && end.output.isEmpty, "\(end)")
    let page = try run("/usr/bin/cat", ["\(folder.path)/report.html"]).text
    #expect(page.hasPrefix("<!DOCTYPE html>") && page.hasSuffix("</html>\n"))
    let status = try run("/usr/bin/cat", ["\(folder.path)/tables/status.csv"])
    #expect(status.lines.prefix(2) == ["status,documents,share", "completed,2,0.1"])
    let nowhere = try validate("report", "--html", "missing/report.html")
    #expect(nowhere.code == ToolExit.inputOutput.rawValue, "\(nowhere)")
  }

  @Test("Mismatches as CSV")
  func mismatches() throws {
    #expect(
      try validate("mismatches").lines == [
        "instrument_number,book,page,actual_book,actual_page,instrument_type",
        "101,300,1,301,1,DEED", "102,300,2,301,2,'=1+1",
      ])
  }

  @Test("Watching goes on until Ctrl+C")
  func watch() throws {
    let program = try Program(
      "validate", ["monitor", "--index", index, "--json", "--watch", "0.1"])
    #expect(eventually { program.text.split(separator: "\n").count >= 2 })
    program.signal(SIGINT)
    #expect(program.wait().code == ToolExit.interrupted.rawValue)
  }

  @Test(
    "Questions that do not go together",
    arguments: [
      ["--json"], ["--watch"], ["--csv", "x"], ["--html", "x"], ["--report", "--monitor"],
      ["--mismatches", "--json"], ["--monitor", "--settle"], ["--monitor", "--html", "x"],
      ["--report", "--watch", "0"], ["--report", "--watch", "--html", "x"],
    ])
  func wrongUsage(arguments: [String]) throws {
    let end = try run("validate", ["--index", index] + arguments, directory: folder.path)
    #expect(end.code == ToolExit.usage.rawValue, "\(end)")
    #expect(end.output.isEmpty)
  }
}
