import Common
import Index
import Testing

/// What filters select, beyond those of ``ClaimChecks``.
enum SelectionChecks {
  static let all = [
    Check("ids select, whatever else does", ids),
    Check("days are both included, and no date is outside", days),
    Check("thousands of ranges of books select", ranges),
    Check("failed documents come back by the class of their error", classes),
    Check("of the failed documents, the first come back", limitedRetry),
    Check("failed documents come back by the class of their error", classes),
  ]

  /// A list of single books, as somebody makes it from a report's gaps.
  static func ranges(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(
      with: [17, 18, 2399, 4001].enumerated().map { Document(book: $1, page: $0 + 1) })
    var selection = Selection()
    selection.books = stride(from: 1, through: 5000, by: 2).map { $0...$0 }
    #expect(selection.books.count == 2500)
    #expect(try index.counts(selection).pending == 3)
    #expect(try index.queueCounts(selection, for: .test()).claimable == 3)
    #expect(pages(try index.claim(selection, for: .test(), count: 9)) == [1, 3, 4])
    #expect(try index.report(selection).books == 17...4001)
  }

  static func limitedRetry(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(
      with: (1...5).map { Document(page: $0, priority: $0 == 4 ? 1 : 3, status: "failed") })
    var selection = Selection()
    selection.retriesFailed = true
    // The limit of a stage is that of its runs.
    selection.limit = 1
    #expect(try index.requeueFailed(selection, limit: 2) == 2)
    let pending = "SELECT page FROM index_documents WHERE download_status = 'pending' ORDER BY page"
    #expect(try fixture.sql(pending) == [["1"], ["4"]])
    #expect(try index.requeueFailed(selection, limit: 9) == 3)
    #expect(try index.requeueFailed(selection, limit: 9) == 0)
  }

  static func ids(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(5) + [Document(page: 6, priority: 1)])
    let all = try fixture.sql("SELECT id FROM index_documents ORDER BY page").compactMap {
      Int($0[0])
    }
    var selection = Selection()
    selection.ids = [all[5], all[1], all[3], 987_654_321]
    #expect(pages(try index.preview(selection, count: 9)) == [6, 2, 4])
    #expect(try index.counts(selection).pending == 3)
    #expect(try index.queueCounts(selection, for: .test()).claimable == 3)
    #expect(try index.typeCounts(selection, top: 9).map(\.count) == [3])
    #expect(pages(try index.claim(selection, for: .test(), count: 1)) == [6])
    selection.priorities = [3]
    #expect(pages(try index.claim(selection, for: .test(), count: 9)) == [2, 4])
    #expect(try index.claim(selection, for: .test(), count: 9).isEmpty)
    selection.ids = []
    #expect(try index.counts(selection).total == 0)
  }

  static func days(_ fixture: any IndexFixture) throws {
    let filed = ["1951-03-03", "1951-03-04", "1951-12-31", "1952-01-01", nil]
    var rows = Document.pages(filed.count).map(\.row)
    for (place, day) in filed.enumerated() { rows[place].values["file_date"] = day }
    let index = try fixture.open()
    #expect(try index.add(rows).added == rows.count)
    func claimed(_ since: String?, _ until: String?) throws -> [Int] {
      var selection = Selection()
      selection.since = since.flatMap { Day($0) }
      selection.until = until.flatMap { Day($0) }
      return pages(try index.preview(selection, count: 9))
    }
    #expect(try claimed("1951-03-04", "1951-12-31") == [2, 3])
    #expect(try claimed("1951-12-31", nil) == [3, 4])
    #expect(try claimed(nil, "1951-03-03") == [1])
    #expect(try claimed(nil, nil) == [1, 2, 3, 4, 5])
  }

  static func classes(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: (1...4).map { Document(page: $0, status: "failed") })
    for (page, kind) in [(1, "network"), (2, "portal_error"), (3, "absent")] {
      try fixture.sql(
        "UPDATE index_documents SET error_class = '\(kind)', download_attempts = 5 WHERE page = \(page)"
      )
    }
    var selection = Selection()
    selection.retriesFailed = true
    selection.errorClasses = ["network", "portal_error"]
    #expect(pages(try index.preview(selection, count: 9)) == [1, 2])
    #expect(try index.counts(selection).failed == 2)
    #expect(try index.requeueFailed(selection) == 2)
    #expect(try index.counts(selection).failed == 0)
    #expect(try index.counts(selection).pending == 2)
    #expect(try fixture.row(page: 1, "download_status, download_attempts") == ["pending", "0"])
    #expect(pages(try index.claim(selection, for: .test(), count: 9)) == [1, 2])
    selection.errorClasses = [Selection.unclassified]
    #expect(try index.requeueFailed(selection) == 1)
    #expect(
      try fixture.sql("SELECT page FROM index_documents WHERE download_status = 'failed'")
        == [["3"]])
  }
}
