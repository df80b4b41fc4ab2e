import Common
import Foundation
import Index
import Support
import Testing

@Suite("Is it all really there", .serialized)
struct ReconcileTests {
  private let documents = 30

  /// What is done behind our back, how often, and what it is called.
  private static let damage: [(Emulator.Tampering, Int, String)] = [
    (.delete, 2, "missing"), (.cut, 1, "wrong_size"), (.replace, 2, "wrong_checksum"),
  ]

  private func reconcile(
    _ pipeline: PipelineRun, _ options: [String] = [], environment: [String: String] = [:]
  ) throws -> Finished {
    try run(
      "\(sourceTree)/bin/conveyor",
      ["reconcile", "--index", pipeline.indexURL, "--to", pipeline.to, "--state", pipeline.state]
        + options,
      environment: environment.merging(["CONVEYOR_BIN": builtTools]) { $1 },
      directory: pipeline.folder.path)
  }

  /// A pipeline that is done, then damaged, named, healed.
  private func heals(
    _ pipeline: PipelineRun, _ environment: [String: String] = [:], foreign: String,
    _ tamper: (Emulator.Tampering, _ url: String) throws -> Void
  ) throws {
    #expect(try pipeline.finish(environment: environment).code == 0)
    let good = try reconcile(pipeline, environment: environment)
    #expect(good.code == 0 && good.output.isEmpty, "\(good)")

    var urls = try pipeline.rows("SELECT id, gcs_path FROM index_documents ORDER BY random()")
    var expected: Set<[String]> = [["unknown_object", "", foreign]]
    for (how, count, kind) in Self.damage {
      for row in urls.prefix(count) {
        try tamper(how, row[1])
        expected.insert([kind, row[0], row[1]])
      }
      urls.removeFirst(count)
    }
    try tamper(.add, foreign)
    func named(_ end: Finished) throws -> Set<[String]> {
      Set(
        try end.records.map { line in
          ["class", "id", "url"].map { line[$0]?.string ?? "" }
        })
    }
    let found = try reconcile(pipeline, environment: environment)
    #expect(found.code == ToolExit.documentsFailed.rawValue, "\(found)")
    #expect(found.lines.count == expected.count)
    #expect(try named(found) == expected, "\(found)")
    #expect(try found.records.allSatisfy { $0["repair"] == nil })

    let dry = try reconcile(pipeline, ["--repair", "--dry-run"], environment: environment)
    #expect(try named(dry) == expected)
    #expect(try dry.records.count { $0["repair"] == .string("dry_run") } == 5, "\(dry)")
    #expect(try pipeline.counts().completed == documents)

    let summary = "\(pipeline.folder.path)/reconciled.json"
    let repaired = try reconcile(
      pipeline, ["--repair", "--one-way", "--summary", summary], environment: environment)
    #expect(repaired.code == ToolExit.documentsFailed.rawValue, "\(repaired)")
    #expect(try repaired.records.count { $0["repair"] == .string("pending") } == 5)
    #expect(try pipeline.counts().pending == 5)
    let totals = try JSON(parsing: try #require(Files.lines(summary).first))
    #expect(totals["repaired"] == .int(5) && totals["compared"] == .int(documents))
    #expect(totals["differences"]?["unknown_object"] == .int(1))

    let rest = try pipeline.finish(["--overwrite"], environment: environment)
    #expect(rest.code == 0, "\(rest)")
    let healed = try reconcile(
      pipeline, ["--one-way", "--read-data", "100%"], environment: environment)
    #expect(healed.code == 0, "\(healed)")
    #expect(try named(healed) == [["unknown_object", "", foreign]], "\(healed)")
  }

  @Test("A directory: what was deleted, cut short and replaced is named, and heals")
  func directory() throws {
    let pipeline = try PipelineRun(documents: documents, ["--document-size", "3000"])
    try heals(pipeline, foreign: "file://\(pipeline.to)/somebody.txt") { how, url in
      let path = try #require(URL(string: url)?.path)
      var content = FileManager.default.contents(atPath: path) ?? Data("somebody else's".utf8)
      switch how {
      case .delete: return try FileManager.default.removeItem(atPath: path)
      case .cut: content = content.prefix(content.count / 2)
      case .replace: content[content.count - 1] ^= 1
      case .add: break
      }
      let date = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate]
      try content.write(to: URL(fileURLWithPath: path))
      // Whoever does it may make it look old.
      if let date {
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
      }
    }
    let files = Files.all(in: pipeline.to).filter { $0 != "somebody.txt" }
    #expect(files.count == documents)
    #expect(Files.all(in: "\(pipeline.state)/spool") == [])
  }

  @Test("Buckets: the same through their own clients", arguments: ["gs", "s3"])
  func buckets(_ kind: String) throws {
    let emulator = try Emulator(kind)
    let place = "\(kind)://test-bucket/county"
    let pipeline = try PipelineRun(documents: documents, ["--document-size", "3000"], to: place)
    try heals(pipeline, emulator.environment, foreign: "\(place)/somebody.txt") { how, url in
      try emulator.tamper(how, String(url.dropFirst("\(kind)://test-bucket/".count)))
    }
  }

  @Test("What is none of a repair's business stays as it is")
  func othersRows() throws {
    let pipeline = try PipelineRun(documents: 8, ["--document-size", "3000"])
    #expect(try pipeline.finish().code == 0)
    _ = try pipeline.rows(
      """
      UPDATE index_documents SET gcs_path = 'gs://elsewhere/1.pdf' WHERE id = 1;
      UPDATE index_documents SET download_status = 'in_progress', lease_token = 't' WHERE id = 2;
      UPDATE index_documents SET download_status = 'failed' WHERE id = 3;
      UPDATE index_documents SET gcs_path = NULL WHERE id = 4;
      UPDATE index_documents SET gcs_path = (SELECT gcs_path FROM index_documents WHERE id = 5),
        content_bytes = 5 WHERE id = 6;
      UPDATE index_documents SET content_sha256 = NULL, content_md5 = NULL WHERE id = 7
      """)
    let end = try reconcile(pipeline, ["--repair"])
    let classes = try end.records.map {
      [$0["id"]?.string ?? "", $0["class"]?.string ?? "", $0["repair"]?.string ?? ""]
    }
    // The objects of 1, 4 and 6 are nobody's now.
    #expect(
      Set(classes) == [
        ["3", "not_uploaded", ""], ["4", "no_url", "pending"], ["6", "shared", ""],
        ["", "unknown_object", ""],
      ], "\(end)")
    #expect(classes.count == 6, "\(end)")
    #expect(end.errors.contains("elsewhere"), "\(end)")
    let statuses = try pipeline.rows("SELECT download_status FROM index_documents ORDER BY id")
    #expect(
      statuses.map { $0[0] } == [
        "completed", "in_progress", "failed", "pending", "completed", "completed", "completed",
        "completed",
      ])
  }

  @Test("A store that is not mounted sets nothing back")
  func emptyStore() throws {
    let pipeline = try PipelineRun(documents: 4, ["--document-size", "3000"])
    #expect(try pipeline.finish().code == 0)
    try FileManager.default.moveItem(atPath: pipeline.to, toPath: "\(pipeline.to)-away")
    #expect(try reconcile(pipeline, ["--repair"]).code == ToolExit.unavailable.rawValue)
    try FileManager.default.createDirectory(atPath: pipeline.to, withIntermediateDirectories: false)
    let empty = try reconcile(pipeline, ["--repair"])
    #expect(empty.code == ToolExit.unavailable.rawValue, "\(empty)")
    #expect(try pipeline.counts().completed == 4)
    #expect(try reconcile(pipeline).lines.count == 4)
  }

  @Test(
    "Wrong usage is told",
    arguments: [
      ["--reconcile"], ["--repair"], ["--reconcile", "--settle"], ["--one-way"], ["--dry-run"],
    ])
  func usage(_ options: [String]) throws {
    let folder = try TemporaryDirectory()
    let index = options.count > 1 ? ["--index", "\(folder.path)/i.db", "--to", folder.path] : []
    let wrong = try run("validate", options + index)
    #expect(wrong.code == ToolExit.usage.rawValue, "\(wrong)")
  }
}
