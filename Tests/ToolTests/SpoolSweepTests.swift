import Common
import Foundation
import Support
import Testing

@Suite("What a kill leaves in the spool")
struct SpoolSweepTests {
  @Test("Files of settled documents go, all others stay")
  func sweep() throws {
    let folder = try TemporaryDirectory()
    let index = "\(folder.path)/index.db"
    let rows = (1...5).map { "DuProcess,285,\($0)" }
    let added = try run(
      "enqueue", ["import", "-", "--index", index, "--format", "csv"],
      lines: ["source,book,page"] + rows)
    #expect(added.code == 0, "\(added)")
    let statuses = ["completed", "failed", "pending", "in_progress", "skipped"]
    for (number, status) in statuses.enumerated() {
      let sql = "UPDATE index_documents SET download_status = '\(status)' WHERE id = \(number + 1)"
      #expect(try run("/usr/bin/sqlite3", [index, sql]).code == 0)
    }
    let spool = "\(folder.path)/spool"
    let manager = FileManager.default
    for name in ["0", ".part"] {
      try manager.createDirectory(
        atPath: "\(spool)/\(name)", withIntermediateDirectories: true)
    }
    let others = ["0/9.pdf", "0/a.pdf", "0/1.txt", "0/1.pdf.part", ".part/1.pdf", "1.pdf"]
    for name in (1...5).flatMap({ ["0/\($0).pdf", "0/\($0).optimized.pdf"] }) + others {
      #expect(manager.createFile(atPath: "\(spool)/\(name)", contents: Data("x".utf8)))
    }
    try manager.createDirectory(atPath: "\(spool)/0/2.pdf.d", withIntermediateDirectories: false)
    try manager.createSymbolicLink(
      atPath: "\(spool)/0/01.pdf", withDestinationPath: "\(spool)/1.pdf")

    let kept = try run(
      "validate", ["--settle", "--index", index, "--spool", spool, "--keep-local"])
    #expect(kept.code == 0 && Files.all(in: spool).count == 17, "\(kept)")
    let swept = try run("validate", ["--settle", "--index", index, "--spool", spool])
    #expect(swept.code == 0, "\(swept)")
    let stay = (3...5).flatMap { ["0/\($0).pdf", "0/\($0).optimized.pdf"] }
    #expect(Files.all(in: spool) == (stay + others + ["0/01.pdf"]).sorted())
  }
}
