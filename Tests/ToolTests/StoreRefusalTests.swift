import Common
import Foundation
import Index
import Support
import Synchronization
import Testing

/// What a store refuses to everybody, through the built tools: the run ends or waits, and no document fails.
@Suite("A store that refuses everybody")
struct StoreRefusalToolTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func documents(_ count: Int) throws -> [String] {
    try (1...count).map { number in
      try folder.write("document \(number)", to: "\(number).pdf")
      return "\(number).pdf"
    }
  }

  private func upload(
    _ names: [String], _ bucket: SmallBucket, _ options: [String] = [],
    token: String = "canary-token"
  ) throws -> Finished {
    try run(
      "upload", ["--from-list", "--to", "s3://bucket", "--retry-base", "0"] + options, lines: names,
      environment: bucket.environment(token: token), directory: folder.path)
  }

  /// No record carries a failure that uses up an attempt or is final.
  private func expectNoFailure(_ end: Finished) throws {
    for record in try end.records {
      guard let error = record["error"] else { continue }
      #expect(error["counts"] == .bool(false) && error["retryable"] == .bool(true), "\(record)")
    }
    #expect(!end.errors.contains("canary") && !end.text.contains("canary"), "\(end)")
  }

  @Test("Credentials that expire in mid-run end it with 77; with new ones it is completed")
  func expired() throws {
    let names = try documents(20)
    let bucket = try SmallBucket { request in
      request.headers["x-amz-security-token"] == "canary-old" && request.number > 12
        ? SmallBucket.error(400, "ExpiredToken") : nil
    }
    let end = try upload(names, bucket, ["--workers", "2"], token: "canary-old")
    #expect(end.code == ToolExit.permission.rawValue, "\(end)")
    #expect(end.errors.contains("AWS_SESSION_TOKEN"), "\(end)")
    try expectNoFailure(end)
    #expect(bucket.objects.count < 20)
    let rest = try upload(names, bucket, token: "canary-new")
    #expect(rest.code == 0, "\(rest)")
    #expect(bucket.objects.count == 20)
  }

  @Test("A store without preconditions ends it with 69 and what to do")
  func preconditions() throws {
    let names = try documents(5)
    let bucket = try SmallBucket { request in
      request.headers["if-none-match"] == nil
        ? nil : SmallBucket.error(501, "NotImplemented", "<Header>If-None-Match</Header>")
    }
    for options in [[], ["check"]] {
      let end = try upload(names, bucket, options)
      #expect(end.code == ToolExit.unavailable.rawValue, "\(end)")
      #expect(end.errors.contains("--preconditions off"), "\(end)")
      try expectNoFailure(end)
    }
    #expect(try upload(names, bucket, ["--preconditions", "off"]).code == 0)
    #expect(bucket.objects.count == 5)
  }

  @Test("What 200 documents are refused for a while costs none of them anything")
  func refusedForAWhile() throws {
    let names = try documents(200)
    let bucket = try SmallBucket { request in
      (60...68).contains(request.number) ? SmallBucket.error(403, "AccessDenied") : nil
    }
    let end = try upload(names, bucket)
    #expect(end.code == 0, "\(end)")
    #expect(bucket.objects.count == 200)
    #expect(try end.records.allSatisfy { $0["error"] == nil })
  }

  @Test("The run ends where it lasts too long")
  func tooLong() throws {
    let names = try documents(20)
    let bucket = try SmallBucket { request in
      request.number > 10 ? SmallBucket.error(403, "AccessDenied") : nil
    }
    let end = try upload(names, bucket, ["--outage-limit", "0s"])
    #expect(end.code == ToolExit.permission.rawValue, "\(end)")
    try expectNoFailure(end)
  }

  @Test("No header field has an underscore, and a check sends what a run would")
  func headerFields() throws {
    let bucket = try SmallBucket()
    let check = try upload([], bucket, ["check", "--storage-class", "STANDARD_IA"])
    #expect(check.code == 0, "\(check)")
    let record =
      #"{"id":"1","path":"1.pdf","book":5,"instrument_number":7,"document_type":"DEED"}"#
    _ = try documents(1)
    let end = try run(
      "upload", ["--to", "s3://bucket", "--metadata", "my_source=x"], lines: [record],
      environment: bucket.environment(), directory: folder.path)
    #expect(end.code == 0, "\(end)")
    let fields = bucket.received.heads.withLock { $0 }
    #expect(fields.flatMap(\.keys).allSatisfy { !$0.contains("_") })
    #expect(fields.contains { $0["x-amz-meta-my-source"] == "x" })
    // The first that writes is the check's.
    let tried = fields.first { $0["if-none-match"] != nil }
    #expect(tried?["x-amz-meta-instrument-number"] != nil)
    #expect(tried?["x-amz-storage-class"] == "STANDARD_IA")
  }

  @Test("Without its bucket, no object is missing")
  func bucketGone() throws {
    let bucket = try SmallBucket { _ in SmallBucket.error(404, "NoSuchBucket") }
    let sha256 = String(repeating: "0", count: 64)
    let record =
      #"{"id":"1","upload":{"url":"s3://bucket/1.pdf","bytes":1,"sha256":"\#(sha256)"}}"#
    let end = try run(
      "validate", ["--progress", "never"], lines: [record], environment: bucket.environment())
    #expect(end.code == ToolExit.unavailable.rawValue, "\(end)")
    try expectNoFailure(end)
  }

  /// Names with `&`, `+` and `%`, however they are listed, and a page that is wrongly the last one.
  @Test(
    "A listing alone sets nothing back", arguments: SmallBucket.Listing.allCases, [Int.max, 3])
  func listings(_ listing: SmallBucket.Listing, _ lastPage: Int) throws {
    let bucket = try SmallBucket(listing, lastPage: lastPage)
    let pipeline = try PipelineRun(
      documents: 8, ["--document-size", "3000"], to: "s3://bucket/a&b+c%d e")
    let run1 = try pipeline.finish(environment: bucket.environment())
    #expect(run1.code == 0, "\(run1)")
    #expect(bucket.objects.count == 8)
    let end = try run(
      "\(sourceTree)/bin/conveyor",
      ["reconcile", "--index", pipeline.indexURL, "--to", pipeline.to, "--repair"],
      environment: bucket.environment().merging(["CONVEYOR_BIN": builtTools]) { $1 },
      directory: pipeline.folder.path)
    #expect(end.code == 0 && end.lines.isEmpty, "\(end)")
    #expect(try pipeline.counts().completed == 8)
  }

  /// Three pages, of which the second is wrongly the last one: a third of all objects is in no listing.
  @Test("3,000 odd names, and a page that is wrongly the last: nothing is missing")
  func manyListings() throws {
    let count = 3000
    let bucket = try SmallBucket(.encoded, lastPage: 2000)
    let index = "\(folder.path)/index.db"
    let rows = (1...count).map { "deeds,\($0),1" }.joined(separator: "\n")
    let added = try run(
      "enqueue", ["import", "-", "--index", index, "--format", "csv"],
      lines: ["source,book,page\n" + rows])
    #expect(added.code == 0, "\(added)")
    bucket.fill(
      Dictionary(
        uniqueKeysWithValues: (1...count).map { number in
          ("a&b+c%d ü\"/\(number) & + % ü \".pdf", Array("document \(number)".utf8))
        }))
    let settled = try run(
      "/usr/bin/sqlite3",
      [
        index,
        """
        UPDATE index_documents SET download_status = 'completed', downloaded_at = '2026-01-01',
          gcs_path = 's3://bucket/a&b+c%d ü"/' || book || ' & + % ü ".pdf',
          content_bytes = length('document ' || book)
        """,
      ])
    #expect(settled.code == 0, "\(settled)")
    let end = try run(
      "validate", ["reconcile", "--index", index, "--to", "s3://bucket/a&b+c%d ü\"", "--repair"],
      environment: bucket.environment(), directory: folder.path)
    #expect(end.code == 0 && end.lines.isEmpty, "\(end)")
    #expect(end.errors.contains("Looked at one by one") && end.errors.contains("1,000"), "\(end)")
    let left = try run(
      "/usr/bin/sqlite3",
      [index, "SELECT count(*) FROM index_documents WHERE download_status = 'completed'"])
    #expect(left.lines == ["\(count)"])
  }
}
