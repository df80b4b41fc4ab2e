import Common
import Index
import Testing

/// Whether health is told from the right documents, and from those alone.
enum HealthChecks {
  static let all = [
    Check("an empty index is in no trouble", empty),
    Check("leases that ran out are told from those that hold", leases),
    Check("the last thousand outcomes count, whatever was before", window),
    Check("the last hour's errors, by class", errors),
    Check("failed documents by class, the last first, without absent ones", failures),
    Check("mismatches come in pages, each once", mismatches),
  ]

  static func empty(_ fixture: any IndexFixture) throws {
    let health = try fixture.open().health(Selection())
    #expect(health.inProgress + health.stale + health.recentCompleted + health.recentFailed == 0)
    #expect(health.errors.isEmpty && health.secondsSinceCompletion == nil)
  }

  static func leases(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(6))
    #expect(try index.claim(Selection(), for: .test(), count: 4).count == 4)
    try fixture.sql(
      """
      UPDATE index_documents SET lease_expires_at = \(fixture.time(-1)) WHERE page = 1;
      UPDATE index_documents SET lease_token = NULL, lease_expires_at = NULL,
        updated_at = \(fixture.time(-1790)) WHERE page = 2;
      UPDATE index_documents SET lease_token = NULL, lease_expires_at = NULL,
        updated_at = \(fixture.time(-1810)) WHERE page = 3;
      """)
    let health = try index.health(Selection())
    #expect(health.stale == 2)
    #expect(health.inProgress == 2)
    #expect(try index.reclaimExpiredLeases() == health.stale)
    #expect(try index.health(Selection()).stale == 0)
  }

  static func window(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(1300))
    // The page is the age in minutes: 60 failures among the last 1,000, and older ones in plenty.
    let age =
      fixture.time(-1).contains("strftime")
      ? "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || (page * 60 - 30) || ' seconds')"
      : "now() - make_interval(secs => page * 60 - 30)"
    try fixture.sql(
      """
      UPDATE index_documents SET download_status = 'completed', downloaded_at = \(age);
      UPDATE index_documents SET download_status = 'failed', downloaded_at = NULL,
        download_error = 'x', updated_at = \(age),
        error_class = CASE WHEN page <= 20 THEN 'absent' ELSE 'bad_pdf' END
      WHERE page <= 60 OR page > 1000;
      """)
    let health = try index.health(Selection())
    #expect(health.recentFailed == 40 && health.recentAbsent == 20)
    #expect(health.recentCompleted == 940)
    #expect(health.completedLastHour == 0)
    #expect((3600...3700).contains(health.secondsSinceCompletion ?? 0))
    var selection = Selection()
    selection.books = [1...237]
    #expect(try index.health(selection).recentCompleted == 0)
  }

  static func errors(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(7))
    try fixture.sql(
      """
      UPDATE index_documents SET error_class = 'network', download_error = 'no answer',
        updated_at = \(fixture.time(-60)) WHERE page <= 3;
      UPDATE index_documents SET download_status = 'failed', error_class = 'restricted',
        download_error = 'log in', updated_at = \(fixture.time(-60)) WHERE page = 6;
      UPDATE index_documents SET download_status = 'failed', error_class = 'absent',
        download_error = 'nothing', updated_at = \(fixture.time(-60)) WHERE page = 4;
      UPDATE index_documents SET download_status = 'failed', error_class = 'absent',
        download_error = 'nothing', updated_at = \(fixture.time(-4000)) WHERE page = 5;
      """)
    let errors = try index.health(Selection()).errors
    #expect(errors.map(\.kind) == ["network", "restricted"])
    #expect(errors.map(\.count) == [3, 1])
  }

  static func failures(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(9))
    try fixture.sql(
      """
      UPDATE index_documents SET download_status = 'failed', download_error = 'x',
        error_class = CASE WHEN page <= 4 THEN 'bad_pdf' ELSE 'restricted' END,
        updated_at = \(fixture.time(-60)) WHERE page <= 6;
      UPDATE index_documents SET updated_at = \(fixture.time(-30)) WHERE page = 2;
      UPDATE index_documents SET updated_at = \(fixture.time(-40)) WHERE page = 5;
      UPDATE index_documents SET error_class = 'absent' WHERE page = 6;
      UPDATE index_documents SET download_error = 'tried once' WHERE page = 7;
      """)
    let failures = try index.failures(Selection(), newest: 3)
    #expect(failures.counts == ["bad_pdf": 4, "restricted": 1])
    let pages = try failures.newest.map { id in
      try index.documents(named: try #require(DocumentName("\(id)"))).first?["page"]
    }
    #expect(pages == ["2", "5", "1"])
    var selection = Selection()
    selection.books = [1...237]
    #expect(try index.failures(selection, newest: 3).counts.isEmpty)
  }

  static func mismatches(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(9))
    try fixture.sql(
      """
      UPDATE index_documents SET download_status = 'completed', instrument_number = page * 10,
        book_page_mismatch = page % 2 = 1, actual_book = book, actual_page = page + 1;
      UPDATE index_documents SET download_status = 'pending' WHERE page = 9;
      """)
    var found: [Mismatch] = []
    while case let rows = try index.mismatches(
      Selection(), after: found.last?.id ?? 0, count: 3), !rows.isEmpty
    {
      found += rows
    }
    #expect(found.map(\.page) == [1, 3, 5, 7])
    #expect(found.map(\.actualPage) == [2, 4, 6, 8])
    #expect(found.map(\.instrumentNumber) == [10, 30, 50, 70])
    #expect(found.allSatisfy { $0.book == 238 && $0.actualBook == 238 && $0.type == "DEED" })
  }
}
