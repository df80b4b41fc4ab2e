@testable import Checkpoint
@testable import SQLite
import Common
import Foundation
import GRDB
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

  @Test func severalAreLookedUpAtOnce() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/checkpoint.sqlite"
    let first = try Checkpoint(path: path)
    for id in ["1", "ü", "3"] { try first.remember(Checkpoint.Entry(id: id)) }
    for checkpoint in [first, try Checkpoint(path: path)] {
      let ids = ["none", "3", "1", "3", "", "ü"]
      #expect(try checkpoint.entries(ids).map { $0?.id } == [nil, "3", "1", "3", nil, "ü"])
      #expect(try checkpoint.entries(ids) == ids.map { try checkpoint.entry($0) })
      #expect(try checkpoint.entries([]).isEmpty && checkpoint.entries(["none"]) == [nil])
    }
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
    let before = Array(Checkpoint.schema.prefix(4))
    _ = try StateDatabase.open(
      path, "checkpoint", synchronous: "FULL", schema: [before[0] + rows] + before.dropFirst())
    let checkpoint = try Checkpoint(path: path)
    #expect(try checkpoint.entry("1")?.request == "mid: a?y=1")
    // Addresses of records are not the portal's queries.
    #expect(try checkpoint.entry("2")?.request == "http://h/a?x=&y=1")
    #expect(try checkpoint.entry("3")?.request == "http://h/a?x=")
  }

  /// A row is shorter than its words; what has another spelling stays as it is.
  @Test func valuesComeBackToTheByte() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/checkpoint.sqlite"
    let digest = String(repeating: "0123456789abcdef", count: 4)
    let digests: [String?] = [
      nil, digest, digest.uppercased(), digest + "0", "00ff", "", "é" + digest.dropFirst(2),
    ]
    let times = [
      "2026-11-23T18:30:35.123Z", "1970-01-01T00:00:00.000Z", "2000-02-29T23:59:59.999Z", "",
      "2026-02-30T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z",
      "1795545035123",
      "2026-11-23T18:30:60.123Z", "2026-11-23 18:30:35.123Z", "2026-11-23T18:30:35Z",
      "2026-13-01T00:00:00.000Z",
    ]
    let dates: [String?] = [
      nil, "Tue, 12 Mar 2019 14:05:06 GMT", "Mon, 12 Mar 2019 14:05:06 GMT",
      "Tue, 12 mar 2019 14:05:06 GMT",
      "Thu, 01 Jan 1970 00:00:00 GMT", "Wed, 31 Dec 1969 23:59:59 GMT",
      "Tue, 29 Feb 2000 00:00:00 GMT", "0", "",
      "Tue, 29 Feb 2100 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
      "Tue, 12 Mar 2019 14:05:06 UTC",
    ]
    let paths: [String?] = [nil, "", "12/1234.pdf", "0/7.pdf", "7.pdf", "state/spool/0/7.pdf"]
    let stamps: [String?] = [nil, "0f1e2d3c 1 2 3 4", "3w5e11264sgsf", "s"]
    var entries: [Checkpoint.Entry] = []
    for (number, id) in ["7", "1234", "a7", String(repeating: "1", count: 110)].enumerated() {
      for (place, path) in paths.enumerated() where place < 2 || number < 2 {
        var entry = Checkpoint.Entry(id: place == 0 ? id : "\(id)\(place)")
        entry.path = path
        entry.at = times[0]
        entries.append(entry)
      }
    }
    for number in 0..<12 {
      var entry = Checkpoint.Entry(id: "t\(number)")
      (entry.at, entry.lastModified) = (times[number], dates[number])
      (entry.sha256, entry.stamp) = (digests[number % digests.count], stamps[number % stamps.count])
      entries.append(entry)
    }
    let checkpoint = try Checkpoint(path: path)
    for entry in entries { try checkpoint.remember(entry) }
    for entry in entries {
      var kept = entry
      if kept.path == "" { kept.path = nil }
      #expect(try Checkpoint(path: path).entry(entry.id) == kept)
    }
    // What people ask with sqlite3 says the same.
    try checkpoint.read { [entries] db in
      for row in try Row.fetchAll(db, sql: "SELECT * FROM documents") {
        let id = String.fromDatabaseValue(row["id"])
        let entry = try #require(entries.first { $0.id == id })
        #expect(row["at"] == entry.at)
        #expect(row["last_modified"] == entry.lastModified)
        #expect(row["sha256"] == entry.sha256)
        #expect(row["path"] == (entry.path == "" ? nil : entry.path))
      }
    }
  }

  /// So that nothing is read again because of a new version of this program.
  @Test func aStampOfAnEarlierVersionMeansTheSame() throws {
    let directory = try TemporaryDirectory()
    try directory.write("content", to: "file")
    let path = directory.path + "/file"
    var status = stat()
    try #require(lstat(path, &status) == 0)
    let boot = try String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    let words = """
      \(boot.prefix(8)) \(status.st_dev) \(status.st_ino) \(status.st_ctim.tv_sec) \(status.st_ctim.tv_nsec)
      """
    let stamp = try #require(FileStamp(path: path)?.text)
    #expect(FileStamp.shorter(words) == stamp)
    #expect(FileStamp.shorter(stamp) == nil)
    #expect(FileStamp.shorter(words + "0") != stamp)
  }

  /// Rows of the version before, in words, are taken over.
  @Test func olderRowsAreTakenOver() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/checkpoint.sqlite"
    let digest = String(repeating: "ab", count: 32)
    let rows = """
      ; INSERT INTO documents (id, request, url, bytes, sha256, path, images, attempts, at, seconds, last_modified, stamp,
        error_class)
      VALUES ('123', 'r', 'u', 5, '\(digest)', '1/123.pdf', 1, 7, '2026-01-01T00:00:00.001Z', 0.1,
        'Tue, 12 Mar 2019 14:05:06 GMT', '0f1e2d3c 1 2 3 4', NULL),
        ('124', 'r', 'u', 5, 'no', '/x/124.pdf', 1, 1, 'once', 0, 'then', 's', NULL),
        ('125', 'r', 'u', NULL, NULL, NULL, 1, 2, 'once', 0, NULL, NULL, 'absent')
      """
    let before = Array(Checkpoint.schema.prefix(5))
    _ = try StateDatabase.open(
      path, "checkpoint", synchronous: "FULL", schema: before.dropLast() + [before[4] + rows],
      functions: StoredValues.functions)
    let exported = try lines(path)
    #expect(exported.count == 3)
    #expect(exported[0].contains(#""sha256":"\#(digest)","path":"1/123.pdf""#), "\(exported[0])")
    #expect(
      exported[0].contains(#""at":"2026-01-01T00:00:00.001Z","seconds":0.1"#), "\(exported[0])")
    #expect(exported[0].contains(#""last_modified":"Tue, 12 Mar 2019 14:05:06 GMT""#))
    #expect(exported[0].contains(#""attempts":7"#))
    #expect(exported[1].contains(#""path":"/x/124.pdf""#) && exported[1].contains(#""at":"once""#))
    #expect(!exported[2].contains("path") && exported[2].contains(#""error_class":"absent""#))
    let entry = try #require(try Checkpoint(path: path).entry("123"))
    #expect(entry.stamp == FileStamp.shorter("0f1e2d3c 1 2 3 4"))
    // Twice is once.
    #expect(try lines(path) == exported)
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
      ] + Checkpoint.schema.dropFirst().prefix(3))
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
