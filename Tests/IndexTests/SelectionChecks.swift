import Common
import Index
import Testing

/// What filters select, beyond those of ``ClaimChecks``.
enum SelectionChecks {
  static let all = [
    Check("ids select, whatever else does", ids),
    Check("days are both included, and no date is outside", days),
    Check("failed documents come back by the class of their error", classes),
  ]

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
