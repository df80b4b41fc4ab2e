import Common
import Index
import Testing

/// What a reconciliation reads of an index, and what it changes.
enum StoredChecks {
  static let all = [
    Check("stored rows come by the bytes of their URLs, as they were", inOrder),
    Check("documents are set back only where nothing has changed", requeueCompleted),
    Check("statuses are told by id", statuses),
    Check("a document is found by its id, and by book and page", documents),
    Check("what is pending or failed can be skipped, and nothing else", skip),
  ]

  private static func read(
    _ index: any DocumentIndex, _ selection: Selection = Selection()
  ) throws -> [StoredRow] {
    let pages = try index.storedRows(selection)
    var rows: [StoredRow] = []
    while let page = try pages.next() { rows += page }
    return rows
  }

  static func inOrder(_ fixture: any IndexFixture) throws {
    let names = ["a b", "a-b", "a/b", "a", "B", "é", "日本", "aa", "a.b"]
    let index = try fixture.open(with: Document.pages(names.count + 3))
    for (number, name) in names.enumerated() {
      try fixture.sql(
        """
        UPDATE index_documents SET download_status = 'completed', gcs_path = 'gs://b/\(name)',
          content_bytes = 10, content_sha256 = 'ab', content_md5 = 'cd',
          downloaded_at = '2026-11-23 18:30:35.123'
        WHERE page = \(number + 1)
        """)
    }
    let next = names.count + 1
    try fixture.sql(
      """
      UPDATE index_documents SET download_status = 'completed' WHERE page = \(next);
      UPDATE index_documents SET gcs_path = 'gs://b/zzz' WHERE page = \(next + 1)
      """)
    var selection = Selection()
    selection.books = [1...2]
    let pages = try index.storedRows(selection)
    // What changes from now on is not seen, and is not kept from changing.
    try fixture.sql("UPDATE index_documents SET gcs_path = NULL, download_status = 'failed'")
    let rows = try #require(try pages.next())
    #expect(try pages.next() == nil)
    let sorted = (names + ["zzz"]).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    #expect(rows.map(\.url) == [nil] + sorted.map { "gs://b/\($0)" })
    #expect(rows.allSatisfy { !$0.isSelected })
    let row = rows[1]
    let waiting = rows.filter { $0.status == .pending }
    #expect(row.status == .completed && waiting.map(\.url) == ["gs://b/zzz"])
    #expect(row.bytes == 10 && row.sha256 == "ab" && row.md5 == "cd")
    #expect((row.completedAt ?? 0) % 1_000_000_000 == 123_000_000)
    #expect(try read(index).isEmpty)
  }

  static func requeueCompleted(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(5))
    try fixture.sql(
      """
      UPDATE index_documents SET download_status = 'completed', gcs_path = 'gs://b/x',
        content_bytes = 10, content_sha256 = 'ab', download_attempts = 3;
      UPDATE index_documents SET gcs_path = NULL, content_sha256 = NULL WHERE page = 2
      """)
    let rows = try read(index).sorted { $0.id < $1.id }
    #expect(rows.count == 5 && rows.allSatisfy(\.isSelected))
    try fixture.sql(
      """
      UPDATE index_documents SET download_status = 'in_progress', lease_token = 't' WHERE page = 3;
      UPDATE index_documents SET content_sha256 = 'other' WHERE page = 4
      """)
    let isRequeued = try index.requeueCompleted(
      rows.prefix(4).map { (row: $0, why: "what? it's gone") })
    #expect(isRequeued == [true, true, false, false])
    let columns = "download_status, download_attempts, download_error, error_class"
    for page in [1, 2] {
      #expect(
        try fixture.row(page: page, columns)
          == ["pending", "0", "what? it's gone", "store_rejected"])
    }
    #expect(try fixture.row(page: 3, "download_status, lease_token") == ["in_progress", "t"])
    for page in [4, 5] {
      #expect(try fixture.row(page: page, "download_status") == ["completed"])
    }
    #expect(try pages(index.claim(Selection(), for: .test(), count: 9)) == [1, 2])
  }

  static func statuses(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(2))
    try fixture.sql("UPDATE index_documents SET download_status = 'failed' WHERE page = 2")
    let ids = try [1, 2].map { try fixture.row(page: $0, "id")[0] }
    #expect(
      try index.statuses(of: ids + ["0", "none", "", "1; DROP TABLE x", "9999999999999999999"])
        == [ids[0]: .pending, ids[1]: .failed])
    #expect(try index.statuses(of: []) == [:])
  }

  static func documents(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(
      with: Document.pages(3) + [Document(page: 2, source: "Historical")])
    try fixture.sql(
      """
      UPDATE index_documents SET download_status = 'failed', download_attempts = 5,
        error_class = 'network', download_error = 'it''s gone' WHERE page = 3
      """)
    let found = try index.documents(named: .place(book: 238, page: 2))
    #expect(
      found.map { $0["source"] }.sorted { ($0 ?? "") < ($1 ?? "") } == ["DuProcess", "Historical"])
    let third = try #require(try index.documents(named: .place(book: 238, page: 3)).first)
    #expect(third.status == .failed && third.attempts == 5 && third.errorClass == .network)
    #expect(third["download_error"] == "it's gone" && third["gcs_path"] == nil)
    let id = try #require(Int(third.id))
    #expect(try index.documents(named: .id(id)).map(\.id) == [third.id])
    #expect(try index.documents(named: .id(Int.max)).isEmpty)
    #expect(try index.documents(named: .place(book: 238, page: 4)).isEmpty)
  }

  static func skip(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(5))
    for (page, status) in [(2, "failed"), (3, "in_progress"), (4, "completed"), (5, "skipped")] {
      try fixture.sql(
        """
        UPDATE index_documents SET download_status = '\(status)', error_class = 'network',
          download_error = 'as it was' WHERE page = \(page)
        """)
    }
    let ids = try fixture.sql("SELECT id FROM index_documents ORDER BY page").compactMap {
      $0.first.flatMap { Int($0) }
    }
    #expect(try index.skip(ids, why: "sealed, they said; it's so") == 2)
    #expect(try index.skip([], why: "none") == 0)
    let columns = "download_status, download_error"
    #expect(try fixture.row(page: 1, columns) == ["skipped", "sealed, they said; it's so"])
    #expect(try fixture.row(page: 2, columns) == ["skipped", "sealed, they said; it's so"])
    #expect(try fixture.row(page: 3, columns) == ["in_progress", "as it was"])
    #expect(try fixture.row(page: 4, columns) == ["completed", "as it was"])
    #expect(try fixture.row(page: 5, columns) == ["skipped", "as it was"])
  }
}
