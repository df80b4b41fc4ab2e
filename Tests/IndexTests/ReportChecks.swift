import Common
import Index
import Testing

/// Whether the numbers are those of the table, counted in another way.
enum ReportChecks {
  static let all = [
    Check("the report has the table's numbers", report),
    Check("types and hours are those of the table", typesAndHours),
    Check("results of optimize are those of the table", optimizations),
    Check("a stage that tries again counts what it revived", retrying),
    Check("an index with nothing completed has a report", onlyPending),
    Check("an index with only failures has a report", onlyFailures),
    Check("an empty index has an empty report", empty),
    Check("counts are of the selection", counts),
    Check("the monitoring views count the same", views),
    Check("types come most frequent first", types),
  ]

  /// Books 1 to 1200 with a mix of everything, made by arithmetic.
  private static func fill(_ fixture: any IndexFixture) throws -> any DocumentIndex {
    let statuses = ["pending", "completed", "failed", "skipped", "completed"]
    let index = try fixture.open(
      with: (1...1200).map {
        Document(
          book: $0, page: $0, priority: $0 % 4 + 1, type: $0 % 3 == 0 ? "DEED" : "MAP",
          status: statuses[$0 / 7 % 5])
      })
    try fixture.sql(
      """
      UPDATE index_documents SET content_bytes = page, original_bytes = page * 3,
        book_page_mismatch = page % 9 = 0, downloaded_at = \(fixture.time(-600))
      WHERE download_status = 'completed';
      UPDATE index_documents SET downloaded_at = \(fixture.time(-7200))
      WHERE download_status = 'completed' AND page % 2 = 0;
      UPDATE index_documents SET downloaded_at = \(fixture.time(-100_000)), original_bytes = NULL
      WHERE download_status = 'completed' AND page % 5 = 0;
      UPDATE index_documents SET error_class = 'network', download_error = 'no answer'
      WHERE download_status = 'failed';
      UPDATE index_documents SET download_error = 'not found'
      WHERE download_status = 'failed' AND page % 3 = 0;
      UPDATE index_documents SET error_class = NULL, download_error = 'old words'
      WHERE download_status = 'failed' AND page % 11 = 0;
      """)
    return index
  }

  private static func number(_ fixture: any IndexFixture, _ what: String) throws -> Int {
    let text = try #require(
      fixture.sql("SELECT \(what) AND book BETWEEN 100 AND 1150").first?.first)
    return try #require(Int(text))
  }

  static func report(_ fixture: any IndexFixture) throws {
    let index = try fill(fixture)
    var selection = Selection()
    selection.books = [100...1150]
    let report = try index.report(selection)
    func count(_ condition: String) throws -> Int {
      try number(fixture, "COUNT(*) FROM index_documents WHERE \(condition)")
    }
    #expect(report.status.completed == (try count("download_status = 'completed'")))
    #expect(report.status.total == 1051)
    #expect(report.priorities.map(\.priority) == [1, 2, 3, 4])
    for priority in report.priorities {
      let whose = "download_priority = \(try #require(priority.priority))"
      #expect(priority.total == (try count(whose)))
      #expect(priority.completed == (try count("\(whose) AND download_status = 'completed'")))
      #expect(priority.failed == (try count("\(whose) AND download_status = 'failed'")))
    }
    let recent = "download_status = 'completed' AND page % 5 <> 0"
    #expect(report.completedLastHour == (try count("\(recent) AND page % 2 = 1")))
    #expect(report.completedLastSixHours == (try count(recent)))
    #expect(report.completedLastDay == (try count(recent)))
    #expect((6590...6610).contains(report.secondsOfLastSixHours))
    #expect(
      report.optimizedBytes
        == (try number(fixture, "SUM(content_bytes) FROM index_documents WHERE \(recent)")))
    #expect(report.originalBytes == report.optimizedBytes * 3)
    try checkErrors(report, count)
    try checkRanges(report, count)
  }

  private static func checkErrors(_ report: Report, _ count: (String) throws -> Int) throws {
    #expect(report.errors.map(\.kind) == ["network", "unclassified"])
    #expect(report.errors.map(\.message) == ["no answer", "old words"])
    #expect(report.errors[0].count == (try count("error_class = 'network'")))
    #expect(report.errors[1].count == (try count("download_error = 'old words'")))
  }

  private static func checkRanges(_ report: Report, _ count: (String) throws -> Int) throws {
    #expect(report.mismatches.map(\.books) == [0...499, 500...999, 1000...1499])
    for part in report.mismatches {
      let books = try #require(part.books)
      let whose = """
        download_status = 'completed'
        AND book BETWEEN \(books.lowerBound) AND \(books.upperBound)
        """
      #expect(part.completed == (try count(whose)))
      #expect(part.mismatches == (try count("\(whose) AND page % 9 = 0")))
    }
    // Each book has one document here: gaps hold all open ones and none that is completed.
    for gap in report.gaps {
      let inside = "book BETWEEN \(gap.lowerBound) AND \(gap.upperBound)"
      #expect(try count("\(inside) AND download_status NOT IN ('pending', 'failed')") == 0)
    }
    #expect(
      report.gaps.reduce(0) { $0 + $1.count }
        == (try count("download_status IN ('pending', 'failed')")))
    #expect(report.gaps.first == 105...111)
  }

  static func typesAndHours(_ fixture: any IndexFixture) throws {
    let index = try fill(fixture)
    let report = try index.report(Selection())
    #expect(report.books == 1...1200)
    #expect(report.types.map(\.type) == ["MAP", "DEED"])
    for type in report.types {
      func number(_ what: String) throws -> Int? {
        let text = try fixture.sql(
          """
          SELECT COALESCE(\(what), 0) FROM index_documents
          WHERE instrument_type_parsed = '\(type.type)'
          """)
        return text.first?.first.flatMap { Int($0) }
      }
      func sum(_ name: String, _ status: String) -> String {
        "SUM(CASE WHEN download_status = '\(status)' THEN \(name) END)"
      }
      #expect(try number("COUNT(*)") == type.total)
      #expect(try number(sum("1", "completed")) == type.completed)
      #expect(try number(sum("1", "failed")) == type.failed)
      #expect(
        try number(sum("CASE WHEN original_bytes > 0 THEN content_bytes END", "completed"))
          == type.storedBytes)
      #expect(type.originalBytes == type.storedBytes * 3)
    }
    #expect(report.hours.reduce(0) { $0 + $1.completed } == report.status.completed)
    #expect(report.hours.map(\.hour) == report.hours.map(\.hour).sorted())
    let distinct = try fixture.sql(
      "SELECT COUNT(DISTINCT substr(CAST(downloaded_at AS text), 1, 13)) FROM index_documents")
    #expect(distinct.first?.first == String(report.hours.count))
  }

  /// Older rows, and what no version of ours wrote, are unknown; the selection holds here, too.
  static func optimizations(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(
      with: (1...40).map {
        Document(
          book: $0, page: $0, type: $0 % 2 == 0 ? "DEED" : "MAP",
          status: $0 == 40 ? "failed" : "completed")
      })
    #expect(try index.report(Selection()).optimizations.isEmpty)
    let reason = RejectionReason.pageChanged.rawValue
    try fixture.sql(
      """
      UPDATE index_documents SET original_bytes = 100, content_bytes = 60;
      UPDATE index_documents SET optimize_outcome = 'images' WHERE page <= 10 OR page = 40;
      UPDATE index_documents SET optimize_outcome = 'kept', content_bytes = 100,
        optimize_reason = '\(reason)', optimize_rejected_bytes = 30 WHERE page BETWEEN 11 AND 20;
      UPDATE index_documents SET optimize_rejected_bytes = NULL WHERE page = 12;
      UPDATE index_documents SET optimize_outcome = 'kept',
        optimize_reason = 'because ' || page WHERE page BETWEEN 21 AND 24;
      UPDATE index_documents SET optimize_outcome = 'another', optimize_reason = 'x ' || page
      WHERE page BETWEEN 25 AND 30;
      UPDATE index_documents SET original_bytes = NULL WHERE page = 21;
      """)
    let all = try index.report(Selection()).optimizations
    #expect(all.map(\.outcome) == [.images, .kept, .kept, nil])
    #expect(all.map(\.reason) == [nil, reason, RejectionReason.other, nil])
    #expect(all.map(\.documents) == [10, 10, 4, 15])
    #expect(all.map(\.originalBytes) == [1000, 1000, 300, 1500])
    #expect(all.map(\.storedBytes) == [600, 1000, 180, 900])
    #expect(all.map(\.rejectedSaving) == [0, 9 * 70, 0, 0])
    var selection = Selection()
    selection.books = [1...20]
    selection.types = ["DEED"]
    #expect(try index.report(selection).optimizations.map(\.documents) == [5, 5])
  }

  static func retrying(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(4))
    try fixture.sql(
      """
      UPDATE index_documents SET download_status = 'failed' WHERE page > 2;
      UPDATE index_documents SET retrying = TRUE WHERE page = 1
      """)
    var selection = Selection()
    selection.retriesFailed = true
    let status = try index.report(selection).status
    #expect(status == (try index.counts(selection)))
    #expect(status.pending == 1 && status.failed == 2)
  }

  static func onlyPending(_ fixture: any IndexFixture) throws {
    let report = try fixture.open(with: Document.pages(3)).report(Selection())
    #expect(report.status.pending == 3 && report.status.total == 3)
    #expect(report.gaps == [238...238])
    #expect(report.hours.isEmpty && report.mismatches.isEmpty && report.errors.isEmpty)
    #expect(report.originalBytes == 0 && report.completedLastDay == 0)
  }

  /// One document for each class of error.
  static func onlyFailures(_ fixture: any IndexFixture) throws {
    let classes = ErrorClass.allCases.map(\.rawValue)
    let index = try fixture.open(with: Document.pages(classes.count))
    for (number, name) in classes.enumerated() {
      try fixture.sql(
        """
        UPDATE index_documents SET download_status = 'failed', error_class = '\(name)',
          download_error = 'why <\(name)>', updated_at = \(fixture.time(-60))
        WHERE page = \(number + 1)
        """)
    }
    let report = try index.report(Selection())
    #expect(report.status.failed == classes.count - 1 && report.status.absent == 1)
    #expect(report.status.total == classes.count)
    // That the portal does not have a document is an answer.
    #expect(report.errors.map(\.kind) == classes.filter { $0 != "absent" }.sorted())
    #expect(report.errors.allSatisfy { $0.count == 1 && $0.message == "why <\($0.kind)>" })
    #expect(report.types.map(\.failed) == [classes.count - 1] && report.types.map(\.absent) == [1])
    let health = try index.health(Selection())
    #expect(health.recentFailed == classes.count - 1 && health.recentCompleted == 0)
    #expect(health.recentAbsent == 1 && health.errors.count == classes.count - 1)
    #expect(health.secondsSinceCompletion == nil)
  }

  static func empty(_ fixture: any IndexFixture) throws {
    let report = try fixture.open().report(Selection())
    #expect(report.status == StatusCounts())
    #expect(report.gaps.isEmpty && report.errors.isEmpty && report.mismatches.isEmpty)
    #expect(report.secondsOfLastSixHours == 0)
  }

  static func counts(_ fixture: any IndexFixture) throws {
    let index = try fill(fixture)
    var selection = Selection()
    selection.books = [100...1150]
    selection.types = ["DEED"]
    selection.limit = 3
    let counts = try index.counts(selection)
    func count(_ status: String) throws -> Int {
      try number(
        fixture,
        """
        COUNT(*) FROM index_documents WHERE download_status = '\(status)'
        AND instrument_type_parsed = 'DEED'
        """)
    }
    #expect(counts.pending == (try count("pending")))
    #expect(counts.completed == (try count("completed")))
    #expect(counts.failed == (try count("failed")))
    #expect(counts.skipped == (try count("skipped")))
    #expect(counts.inProgress == 0)
    // A type that is left out takes nothing with it that has none.
    try fixture.sql("UPDATE index_documents SET instrument_type_parsed = NULL WHERE page % 7 = 1")
    var rest = Selection()
    rest.books = [100...1150]
    rest.excludedTypes = ["DEED", "no such type"]
    let expected = try number(
      fixture, "COUNT(*) FROM index_documents WHERE COALESCE(instrument_type_parsed, '') <> 'DEED'")
    #expect(try index.counts(rest).total == expected)
    let typed = "COUNT(*) FROM index_documents WHERE instrument_type_parsed <> 'DEED'"
    #expect(try number(fixture, typed) < expected)
  }

  static func views(_ fixture: any IndexFixture) throws {
    let index = try fill(fixture)
    let text = try sqlFile(fixture.views)
    // Loaded again, they are replaced.
    for _ in 1...2 { try fixture.sql(text) }
    let report = try index.report(Selection())
    func number(_ what: String) throws -> Int? {
      try fixture.sql("SELECT COALESCE(\(what)").first?.first.flatMap { Int($0) }
    }
    #expect(
      try number("SUM(documents), 0) FROM conveyor_progress WHERE status = 'completed'")
        == report.status.completed)
    #expect(try number("COUNT(*), 0) FROM conveyor_recent") == report.status.total)
    #expect(
      try number("SUM(completed), 0) FROM conveyor_throughput") == report.completedLastHour)
    #expect(
      try number("SUM(documents), 0) FROM conveyor_errors")
        == report.errors.reduce(0) { $0 + $1.count })
    #expect(
      try number("SUM(mismatches), 0) FROM conveyor_mismatches")
        == report.mismatches.reduce(0) { $0 + $1.mismatches })
  }

  static func types(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: [
      Document(page: 1, type: "A"), Document(page: 2, type: "B"), Document(page: 3, type: "B"),
      Document(page: 4, type: "C", status: "completed"), Document(page: 5, type: "D  D"),
    ])
    let types = try index.typeCounts(Selection(), top: 2)
    #expect(types.map(\.type) == ["B", "A"])
    #expect(types.map(\.count) == [2, 1])
  }
}
