import Common
import Foundation
import Index
import Config
import Support
import Testing

/// What `enqueue` does besides feeding a pipeline, through the built program.
@Suite struct EnqueueTests {
  private let folder: TemporaryDirectory
  private var index: String { "\(folder.path)/index.db" }

  init() throws { folder = try TemporaryDirectory() }

  private func enqueue(_ options: String..., input: String = "") throws -> Finished {
    try run("enqueue", ["--index", index] + options, input: Array(input.utf8))
  }

  /// Nine documents, of which the first six failed.
  private func fill() throws {
    let rows = (1...9).map { "S,300,\($0),\($0 <= 6 ? "failed" : "pending"),1951-0\($0)-01" }
    let header = "source,book,page,download_status,file_date"
    let added = try enqueue(
      "import", "-", input: ([header] + rows).joined(separator: "\n"))
    #expect(added.code == 0, "\(added)")
    for (page, kind) in [(1, "network"), (2, "network"), (3, "portal_error"), (4, "absent")] {
      try sql(
        "UPDATE index_documents SET error_class = '\(kind)', download_attempts = 5 WHERE page = \(page)"
      )
    }
  }

  @discardableResult
  private func sql(_ text: String) throws -> [String] {
    try run("/usr/bin/sqlite3", [index, text]).lines
  }

  private func status() throws -> StatusCounts { try openIndex(index).counts(Selection()) }

  @Test("A packed spreadsheet with names of its own, bad rows and all, as often as one likes")
  func importing() throws {
    let text = """
      Origin\tBook\tPage\tInstrument Type\tRecorded On\tJudge
      S\t1\t2\tASSIGN OIL GAS  MIN - [X]\t3/4/1951\tB
      S\tnone\t2\tDEED\t\tB
      S\t1\t\tDEED\t2/30/1951\tB
      S\t1\t4\tAFFIDAVIT "T"\t\tB

      """
    try folder.write(text, to: "deeds.tsv")
    #expect(try run("/bin/gzip", ["\(folder.path)/deeds.tsv"]).code == 0)
    let map = ["--map", "Origin=source", "--map", "recorded on=file_date", "--map", "Judge="]
    let file = ["import", "\(folder.path)/deeds.tsv.gz", "--index", index]
    let unmapped = try run("enqueue", file)
    #expect(unmapped.code == ToolExit.configuration.rawValue, "\(unmapped)")
    #expect(!FileManager.default.fileExists(atPath: index))
    let first = try run("enqueue", file + map)
    #expect(first.code == ToolExit.documentsFailed.rawValue, "\(first)")
    #expect(
      first.errors.contains(
        "deeds.tsv.gz:3: refused: book must be a whole number from 1, not \"none\""))
    #expect(first.errors.contains("deeds.tsv.gz:4: refused: page is missing"))
    #expect(first.errors.contains("imported 2 new documents, 0 already known, 2 rows refused"))
    let rows = try sql("SELECT page, instrument_type_parsed, file_date FROM index_documents")
    #expect(rows == ["2|ASSIGN OIL GAS  MIN|1951-03-04", "4|AFFIDAVIT \"T\"|"])
    let second = try run("enqueue", file + map)
    #expect(
      second.errors.contains("imported 0 new documents, 2 already known, 2 rows refused"))
  }

  @Test("Through a pipe, packed and cut off: what came is kept, and that it was not all is told")
  func cutOff() throws {
    let rows = (1...50_000).map { "S,\($0 / 500 + 1),\($0 % 500 + 1)" }
    try folder.write((["source,book,page"] + rows).joined(separator: "\n") + "\n", to: "a.csv")
    let script =
      "gzip < '\(folder.path)/a.csv' | head -c 60000 | \"$0\" --index '\(index)' --import -"
    let end = try run("/bin/sh", ["-c", script, toolPath("enqueue")])
    #expect(end.code == ToolExit.inputOutput.rawValue, "\(end)")
    #expect(end.errors.contains("cut off"))
    #expect(end.errors.contains("imported "))
    #expect(try status().total > 0)
    let whole = try enqueue("import", "\(folder.path)/a.csv", "--progress", "always")
    #expect(whole.code == 0, "\(whole)")
    #expect(try status().total == 50_000)
  }

  @Test("Failed documents come back by class; a dry run only says how many")
  func retry() throws {
    try fill()
    let classes = ["retry", "--class", "network", "--class", "portal_error"]
    let dry = try run("enqueue", ["--index", index, "--dry-run"] + classes)
    #expect(dry.errors == "enqueue: would set 3 failed documents back to pending\n", "\(dry)")
    #expect(try status().failed == 5)
    #expect(try status().absent == 1)
    let real = try run("enqueue", ["--index", index] + classes)
    #expect(real.errors == "enqueue: set 3 failed documents back to pending\n", "\(real)")
    #expect(try status().failed == 2)
    #expect(try status().absent == 1)
    #expect(try status().pending == 6)
    #expect(try sql("SELECT MAX(download_attempts) FROM index_documents WHERE page < 4") == ["0"])
    let others = try enqueue("retry", "--class", "unclassified", "--books", "300")
    #expect(others.errors == "enqueue: set 2 failed documents back to pending\n", "\(others)")
    let typo = try enqueue("retry", "--class", "netwrk")
    #expect(typo.code == ToolExit.usage.rawValue)
    #expect(typo.errors.contains("portal_error"), "\(typo)")
    #expect(try enqueue("--class", "network", "count").code == ToolExit.usage.rawValue)
  }

  @Test("The retry stage finds them, too")
  func retryStage() throws {
    try fill()
    let stage = ["--stage", "stage-4-retry", "--stages-dir", "\(sourceTree)/stages"]
    #expect(try run("enqueue", ["count", "--index", index] + stage).text == "6\n")
    let network = try run(
      "enqueue", ["--index", index, "--dry-run", "--class", "network"] + stage)
    #expect(try network.records.compactMap { $0["page"]?.int } == [1, 2])
  }

  @Test("Ids from a file or from stdin, and days, select on the command line")
  func selecting() throws {
    try fill()
    let ids = try sql("SELECT id FROM index_documents WHERE page >= 6")
    try folder.write(ids.joined(separator: "\n\n") + "\r\n999999\n", to: "ids")
    #expect(try enqueue("--select", "\(folder.path)/ids", "count").text == "3\n")
    #expect(try enqueue("--select", "-", "count", input: ids[1]).text == "1\n")
    let odd = try enqueue("--select", "-", "count", input: "\(ids[1])\n987654321\n")
    #expect(odd.text == "1\n", "\(odd)")
    #expect(odd.errors.contains("1 id of 2 in --select, like 987654321"), "\(odd)")
    let none = try enqueue("--select", "-", "count", input: "987654321\n")
    #expect(none.code == ToolExit.configuration.rawValue, "\(none)")
    #expect(try enqueue("--since", "1951-08-01", "count").text == "2\n")
    #expect(
      try enqueue("--since", "1951-08-01", "--until", "1951-08-01", "count").text == "1\n")
    for (input, words) in [
      ("", "names no document"), ("1\n' OR 1=1\n", "stdin:2: an id must be"),
    ] {
      let wrong = try enqueue("--select", "-", "count", input: input)
      #expect(wrong.code == ToolExit.configuration.rawValue, "\(wrong)")
      #expect(wrong.errors.contains(words), "\(wrong)")
    }
    let missing = try enqueue("--select", "\(folder.path)/none", "count")
    #expect(missing.code == ToolExit.inputOutput.rawValue, "\(missing)")
    #expect(try enqueue("--since", "1951-02-30", "count").code == ToolExit.usage.rawValue)
  }

  @Test("Before a run: what there is to do, for people, and its number for the driver")
  func preflight() throws {
    try fill()
    let end = try enqueue("preflight", "--books", "300")
    #expect(end.code == 0, "\(end)")
    #expect(end.text == "3\n")
    #expect(end.errors.contains("failed                 5"), "\(end)")
    #expect(end.errors.contains("most frequent pending types"))
  }
}
