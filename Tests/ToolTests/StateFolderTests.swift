import Common
import Foundation
import Index
import Support
import Testing

/// What people do to a state folder, and to the files in it.
@Suite("The state folder")
struct StateFolderTests {
  private let folder: TemporaryDirectory
  private let portal: SamplePortal
  private let lines: [String]

  init() throws {
    folder = try TemporaryDirectory()
    let size = ["--documents", "6", "--document-size", "3000"]
    portal = try SamplePortal(in: folder.path, size)
    let index = try run("portal", size + ["--print-index", "csv"])
    let url = "\(folder.path)/index.db"
    let added = try run(
      "enqueue", ["import", "-", "--index", url, "--format", "csv"], input: index.output)
    #expect(added.code == 0, "\(added)")
    lines = try run("enqueue", ["--index", url, "--dry-run"]).lines
    #expect(lines.count == 6)
  }

  private func fetch(_ state: String, lines: [String]? = nil) throws -> Finished {
    try run(
      "fetch",
      [
        "--portal", "historical", "--portal", "mid", "--portals-dir", "\(sourceTree)/portals",
        "--portal-base", portal.base, "--state", state, "--retries", "1", "--retry-base", "0.05",
        "--rate-limit-delay", "0.001",
      ], lines: lines ?? self.lines, directory: folder.path)
  }

  /// The files of all records, as they are found from the folder.
  private func files(_ end: Finished) throws -> [String] {
    try end.records.map { try #require($0["fetch"]?["path"]?.string) }.map {
      $0.hasPrefix("/") ? $0 : "\(folder.path)/\($0)"
    }
  }

  @Test("However it is spelled, linked, moved or copied, nothing is fetched again")
  func spellings() throws {
    #expect(try fetch("state").code == 0)
    let asked = portal.requests.count
    #expect(asked >= 6)
    let manager = FileManager.default
    let root = folder.path
    try manager.createDirectory(atPath: "\(root)/deep/down", withIntermediateDirectories: true)
    #expect(symlink("state", "\(root)/link") == 0)
    let steps: [(String, () throws -> Void)] = [
      ("./state", {}), ("state/", {}), ("state//", {}), ("\(root)/state", {}), ("link", {}),
      ("link/.", {}), ("deep/../state", {}),
      ("../\(root.split(separator: "/").last ?? "")/state", {}),
      ("moved", { try manager.moveItem(atPath: "\(root)/state", toPath: "\(root)/moved") }),
      (
        "deep/down/it",
        { try manager.moveItem(atPath: "\(root)/moved", toPath: "\(root)/deep/down/it") }
      ),
      ("copy", { try manager.copyItem(atPath: "\(root)/deep/down/it", toPath: "\(root)/copy") }),
    ]
    for (state, prepare) in steps {
      try prepare()
      let end = try fetch(state)
      #expect(end.code == 0, "\(state): \(end)")
      #expect(portal.requests.count == asked, "\(state)")
      #expect(try files(end).allSatisfy { manager.fileExists(atPath: $0) }, "\(state): \(end)")
    }
  }

  @Test("A row of an earlier version, with any path in it, still counts")
  func olderRows() throws {
    #expect(try fetch("state").code == 0)
    let asked = portal.requests.count
    for path in ["'/somewhere/else/' || id", "'state/spool/' || id || '.pdf'", "'./x'"] {
      let changed = try run(
        "/usr/bin/sqlite3",
        ["\(folder.path)/state/checkpoint.sqlite", "UPDATE entries SET path = \(path)"])
      #expect(changed.code == 0, "\(changed)")
      #expect(try fetch("state").code == 0)
      #expect(portal.requests.count == asked, "\(path)")
    }
  }

  @Test("A checkpoint in the rows of the version before survives kill -9 while they are taken over")
  func killedTakingOver() throws {
    let state = "\(folder.path)/older"
    let file = "\(state)/checkpoint.sqlite"
    try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
    let rows = """
      CREATE TABLE documents (id TEXT PRIMARY KEY, request TEXT NOT NULL, url TEXT NOT NULL, http_status INTEGER,
        etag TEXT, last_modified TEXT, bytes INTEGER, sha256 TEXT, path TEXT, images INTEGER NOT NULL, portal TEXT,
        actual_book INTEGER, actual_page INTEGER, error_class TEXT, error TEXT, attempts INTEGER NOT NULL,
        at TEXT NOT NULL, seconds REAL NOT NULL, stamp TEXT, pages INTEGER, encrypted INTEGER NOT NULL DEFAULT 0,
        content_type TEXT);
      INSERT INTO documents
      SELECT n.value, 'r', 'u', 200, NULL, 'Tue, 12 Mar 2019 14:05:06 GMT', 30000, lower(hex(randomblob(32))),
        n.value / 100 || '/' || n.value || '.pdf', 1, NULL, NULL, NULL, NULL, NULL, 1, '2026-11-24T00:00:00.000Z',
        0.1, '0f1e2d3c 1 2 3 ' || n.value, 1, 0, NULL
      FROM generate_series(1000, 9999) AS n;
      PRAGMA user_version = 5;
      """
    #expect(try run("/usr/bin/sqlite3", [file, rows]).code == 0)
    try FileManager.default.copyItem(atPath: state, toPath: "\(folder.path)/whole")
    let export = ["checkpoint", "export", "--state"]
    let whole = try run("fetch", export + ["\(folder.path)/whole"])
    #expect(whole.code == 0 && whole.lines.count == 9000, "\(whole.errors)")
    for round in 0..<8 {
      let killed = try Program("fetch", export + [state])
      // The journal is there from the first page that changes.
      _ = eventually(within: 60) { access("\(file)-journal", F_OK) == 0 || !killed.text.isEmpty }
      usleep(UInt32(round * 20_000))
      killed.signal(SIGKILL)
      _ = killed.wait()
    }
    let end = try run("fetch", export + [state])
    #expect(end.code == 0, "\(end.errors)")
    #expect(end.output == whole.output)
    #expect(whole.lines.allSatisfy { $0.contains(#""path":""#) })
  }

  @Test("A file that was removed, cut, replaced or made unreadable is fetched again, and no other")
  func damagedFiles() throws {
    let paths = try files(try fetch("state"))
    let damage: [(String) throws -> Void] = [
      { unlink($0) }, { truncate($0, 100) },
      { try Data(repeating: 0x20, count: Files.size($0)).write(to: URL(fileURLWithPath: $0)) },
      {
        unlink($0)
        symlink("/dev/zero", $0)
      },
    ]
    for (number, harm) in damage.enumerated() {
      let before = portal.scansSent.values.reduce(0, +)
      try harm(paths[number])
      let end = try fetch("state")
      #expect(end.code == 0, "\(end)")
      #expect(portal.scansSent.values.reduce(0, +) >= before + 1)
      #expect(try end.records.filter { $0["fetch"]?["resumed"] == .bool(false) }.count == 1)
    }
  }

  @Test("One id for several documents: one has it, the others are told")
  func oneID() throws {
    let url = { (number: Int) in "\(portal.scan)&n=\(number)" }
    let several = (1...20).map { #"{"id":"7","url":"\#(url($0 % 4))"}"# }
    let end = try fetch("state", lines: several)
    #expect(end.code == ToolExit.documentsFailed.rawValue, "\(end)")
    let records = try end.records
    #expect(records.count == 20)
    // The same document, met again, is there already.
    let fetched = records.filter { $0["error"] == nil }
    #expect(Set(fetched.compactMap { $0["url"]?.string }).count == 1, "\(end)")
    #expect(Set(fetched.compactMap { $0["fetch"]?["sha256"]?.string }).count == 1, "\(end)")
    #expect(fetched.count == 5, "\(end)")
    let refused = records.compactMap { $0["error"] }
    #expect(refused.allSatisfy { $0["class"] == .string("invalid_record") }, "\(end)")
    #expect(refused.allSatisfy { $0["message"]?.string?.contains("an id of its own") == true })
    // In another run, the id may stand for another document: an index can be corrected.
    let later = try fetch("state", lines: [#"{"id":"7","url":"\#(url(9))"}"#])
    #expect(later.code == 0, "\(later)")
  }
}

/// What befalls the spool while a pipeline runs.
@Suite("A spool that somebody empties", .serialized)
struct SpoolEmptiedTests {
  @Test("Its documents are fetched again, and none has failed", arguments: [false, true])
  func emptied(withItsFolders: Bool) throws {
    let pipeline = try PipelineRun(
      documents: 40, ["--latency", "0.03", "--document-size", "20000"])
    let driver = try pipeline.start(["--retry-wait", "0.05"])
    for count in 1...8 {
      pipeline.waitForScans(4 * count)
      if withItsFolders {
        try? FileManager.default.removeItem(atPath: "\(pipeline.state)/spool")
      } else {
        for file in Files.all(in: "\(pipeline.state)/spool") {
          unlink("\(pipeline.state)/spool/\(file)")
        }
      }
    }
    let end = driver.wait()
    #expect(end.code == 0, "\(end)")
    let counts = try pipeline.counts()
    #expect(counts.completed == 40 && counts.failed == 0, "\(counts) \(end)")
    let most = try pipeline.rows("SELECT max(download_attempts) FROM index_documents")
    #expect(most == [["1"]])
    try pipeline.checkCompleted()
  }

  @Test("Optimize and upload call what fetch brought, and is not the same any more, local trouble")
  func changedSources() throws {
    let folder = try TemporaryDirectory()
    let portal = try SamplePortal(in: folder.path, ["--documents", "2", "--document-size", "3000"])
    let one = try run(
      "fetch", ["--state", "state", "--rate-limit-delay", "0"],
      lines: [#"{"id":"1","url":"\#(portal.scan)"}"#], directory: folder.path)
    #expect(one.code == 0, "\(one)")
    let path = try #require(try one.records.first?["fetch"]?["path"]?.string)
    let whole = "\(folder.path)/\(path)"
    let content = try #require(FileManager.default.contents(atPath: whole))
    var other = content
    other[other.count / 2] ^= 0xFF
    let damage: [(String, () throws -> Void)] = [
      ("replaced", { try other.write(to: URL(fileURLWithPath: whole)) }),
      ("cut short", { truncate(whole, 500) }), ("grown", { truncate(whole, 100_000) }),
      ("removed", { unlink(whole) }),
      (
        "without its folder", { try FileManager.default.removeItem(atPath: "\(folder.path)/state") }
      ),
    ]
    for (what, harm) in damage {
      try harm()
      for (tool, options) in [("optimize", []), ("upload", ["--to", "bucket"])] {
        let end = try run(tool, options, input: one.output, directory: folder.path)
        #expect(end.code == ToolExit.documentsFailed.rawValue, "\(tool), \(what): \(end)")
        let error = try #require(try end.records.first?["error"])
        #expect(error["class"] == .string("local"), "\(tool), \(what): \(end)")
        #expect(error["counts"] == .bool(false), "\(tool), \(what): \(end)")
      }
    }
  }
}
