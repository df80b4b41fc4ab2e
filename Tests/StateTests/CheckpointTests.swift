@testable import Checkpoint
@testable import SQLite
import Common
import Support
import Testing

@Suite struct CheckpointTests {
  @Test func remembersEverythingOverARestart() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/checkpoint.sqlite"
    var entry = Checkpoint.Entry(id: "id with 'quotes' and ü")
    entry.request = "mid: /lookup?a=1"
    entry.url = "http://portal/1.pdf"
    entry.httpStatus = 200
    entry.etag = "\"abc\""
    entry.bytes = 9_007_199_254_740_993
    entry.sha256 = "00ff"
    entry.path = "spool/1.pdf"
    entry.images = 3
    entry.actualBook = 285
    entry.actualPage = 471
    entry.at = "2026-11-23T18:30:35.123Z"
    entry.seconds = 0.25
    entry.stamp = "0f1e2d3c 1 2 3 4"
    try Checkpoint(path: path).remember(entry)
    let again = try Checkpoint(path: path)
    #expect(try again.entry(entry.id) == entry)
    #expect(try again.entry("another") == nil)
  }

  @Test func aCheckpointOfTheFirstVersionGoesOn() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/checkpoint.sqlite"
    let document = """
      ; INSERT INTO documents (id, request, url, bytes, sha256, images, attempts, at, seconds)
      VALUES ('7', 'r', 'u', 5, '00', 1, 1, '2026-01-01T00:00:00Z', 0)
      """
    _ = try StateDatabase.open(
      path, "checkpoint", synchronous: "FULL", schema: [Checkpoint.schema[0] + document])
    var entry = try #require(try Checkpoint(path: path).entry("7"))
    #expect(entry.bytes == 5 && entry.stamp == nil)
    entry.stamp = "new"
    try Checkpoint(path: path).remember(entry)
    #expect(try Checkpoint(path: path).entry("7")?.stamp == "new")
  }

  /// Anybody may have written into the file.
  @Test func valuesThatNoDocumentHasStopNothing() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/checkpoint.sqlite"
    let rows = [
      "('1', 'r', 'u', 9223372036854775807, 'p', 1, NULL, 1, '', 9e999)",
      "('2', 'r', 'u', 'many', x'ff', 'x', NULL, 1, '', 'long')",
      "('3', 'r', 'u', 1e300, 'p', 1e300, x'ff00', 1, '', -1e300)",
      "(x'ff', 'r', 'u', -5, 'p', 1, 'absent', 1, '', 0)",
    ]
    _ = try StateDatabase.open(
      path, "checkpoint", synchronous: "FULL",
      schema: [
        Checkpoint.schema[0]
          + """
          ; INSERT INTO documents (id, request, url, bytes, path, images, error_class, attempts, at, seconds)
          VALUES \(rows.joined(separator: ", "))
          """
      ] + Checkpoint.schema.dropFirst())
    let checkpoint = try Checkpoint(path: path)
    #expect(try checkpoint.entry("1")?.bytes == .max)
    _ = try checkpoint.entry("2")
    _ = try checkpoint.entry("3")
    let summary = try checkpoint.summary()
    #expect(summary.fetched == 2 && summary.bytes == 0 && summary.errors.count == 2)
    let pages = try #require(try FetchedPages(state: directory.path))
    #expect(try pages.next()?.map(\.id) == ["1", "2"])
    #expect(try pages.next() == nil)
  }

  @Test func threadsShareCommitsAndLoseNothing() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try Checkpoint(path: directory.path + "/checkpoint.sqlite")
    withThreads(16) { thread in
      for number in 1...20 {
        var entry = Checkpoint.Entry(id: "\(thread)-\(number)")
        entry.bytes = number
        try? checkpoint.remember(entry)
      }
    }
    for thread in 1...16 {
      for number in 1...20 {
        #expect(try checkpoint.entry("\(thread)-\(number)")?.bytes == number)
      }
    }
  }
}
