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

  /// A look-up names a dozen fields, most of them empty; a row of a version that kept them is found all the same.
  @Test func requestsAreKeptWithoutEmptyFields() throws {
    let kept = [
      "mid: a/b.php?x=&book=285&bpage=55&y=&do=Submit%20Query":
        "mid: a/b.php?book=285&bpage=55&do=Submit%20Query",
      "mid: a?x=": "mid: a",
      "mid: POST a?x=&y=1 b=&c=2 | d?e=&f=3": "mid: POST a?y=1 b=&c=2 | d?f=3",
      "mid: a?x&y==&z=a=": "mid: a?x&y==&z=a=", "mid: {\"a\": \"b?c=\"}": "mid: {\"a\": \"b?c=\"}",
    ]
    for (long, short) in kept {
      #expect(Format.withoutEmptyFields(long) == short)
      #expect(Format.withoutEmptyFields(short) == short)
    }
    let directory = try TemporaryDirectory()
    let path = directory.path + "/checkpoint.sqlite"
    let rows = """
      ; INSERT INTO documents (id, request, url, portal, images, attempts, at, seconds) VALUES
      ('1', 'mid: a?x=&y=1', 'u', 'mid', 1, 1, '', 0), ('2', 'http://h/a?x=&y=1', 'u', 'mid', 1, 1, '', 0),
      ('3', 'http://h/a?x=', 'u', NULL, 1, 1, '', 0), ('4', x'ff', 'u', 'mid', 1, 1, '', 0)
      """
    let before = Array(Checkpoint.schema.dropLast())
    _ = try StateDatabase.open(
      path, "checkpoint", synchronous: "FULL", schema: [before[0] + rows] + before.dropFirst())
    let checkpoint = try Checkpoint(path: path)
    #expect(try checkpoint.entry("1")?.request == "mid: a?y=1")
    // Addresses of records are not the portal's queries.
    #expect(try checkpoint.entry("2")?.request == "http://h/a?x=&y=1")
    #expect(try checkpoint.entry("3")?.request == "http://h/a?x=")
  }

  private func lines(_ path: String) throws -> [String] {
    var lines: [String] = []
    try Checkpoint(path: path).export { page in
      lines += page.map { String(decoding: $0, as: UTF8.self) }
      return true
    }
    return lines
  }

  private func take(_ lines: [String], into path: String) throws -> Checkpoint.Imported {
    var rest = lines[...]
    return try Checkpoint(path: path).take { () throws(Fatal) in
      rest.popFirst().map { Array($0.utf8) }
    }
  }

  @Test func whatIsExportedIsTheSameAfterAnImport() throws {
    let directory = try TemporaryDirectory()
    let (one, two) = (directory.path + "/one.sqlite", directory.path + "/two.sqlite")
    let checkpoint = try Checkpoint(path: one)
    for number in 0..<2500 {
      var entry = Checkpoint.Entry(id: "id \(number) \"ü\u{1F600}\\")
      entry.request = "mid: a?y=\(number)"
      entry.url = "u"
      entry.at = "2026-11-23T18:30:35.123Z"
      entry.seconds = [0, 0.1, 1.0 / 3, 1e-7, 86_400][number % 5]
      if number % 2 == 0 {
        (entry.httpStatus, entry.bytes, entry.sha256, entry.path) = (200, number, "00", "p")
        (entry.etag, entry.lastModified, entry.stamp) = ("\"e\"", "d", "s")
        (entry.pages, entry.isEncrypted, entry.contentType) = (3, number % 4 == 0, "image/tiff")
        (entry.images, entry.portal, entry.actualBook, entry.actualPage) = (2, "mid", 285, 1)
      } else {
        (entry.errorClass, entry.error) = ("absent", "none\n")
      }
      checkpoint.remember(entry) { _, _ in }
    }
    var again = Checkpoint.Entry(id: "twice")
    again.at = "2026-11-23T18:30:35.123Z"
    try checkpoint.remember(again)
    try checkpoint.remember(again)
    let exported = try lines(one)
    #expect(exported.count == 2501)
    #expect(exported.last?.contains(#""attempts":2"#) == true)
    #expect(try take(exported, into: two).taken == 2501)
    #expect(try lines(two) == exported)
    // The same once more changes nothing.
    let second = try take(exported, into: two)
    #expect(second.taken == 0 && second.known == 2501)
    #expect(try lines(two) == exported)
  }

  @Test func theNewerOfTwoLinesCounts() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/checkpoint.sqlite"
    let line = { (at: Int) in
      #"{"id":"1","request":"r","url":"\#(at)","images":1,"at":"2026-01-0\#(at)T00:00:00.000Z","seconds":0.0,"attempts":1}"#
    }
    #expect(try take([line(2), line(3), line(1)], into: path).taken == 2)
    #expect(try Checkpoint(path: path).entry("1")?.url == "3")
    for wrong in [
      "", "[]", "{}", #"{"id":1,"at":"","request":""}"#, #"{"id":"2"}"#,
      #"{"id":"2","at":"","request":"","later":1}"#,
      #"{"id":"2","at":"","request":"","bytes":"1"}"#,
      #"{"id":"2","at":"","request":"","seconds":1e999}"#,
    ] {
      let error = #expect(throws: Fatal.self) { try take([line(4), wrong], into: path) }
      #expect(error?.code == .notRecords)
      #expect(error?.message.contains("line 2") == true)
    }
    #expect(try Checkpoint(path: path).entry("1")?.url == "4")
    #expect(try Checkpoint(path: path).entry("2") == nil)
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
      ] + Checkpoint.schema.dropFirst().dropLast())
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
