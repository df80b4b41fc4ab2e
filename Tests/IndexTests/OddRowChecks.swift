import Common
import Testing

@testable import Index

/// One odd row must neither stop nor spin a run.
enum OddRowChecks {
  static let all = [
    Check("a row that refuses to be claimed costs only itself", refusedClaims),
    Check("a table that refuses every claim is told", refusedTable),
    Check("rows that stay as they are keep no others back", unchanged),
    Check("a row that refuses its outcome is failed, its neighbours are settled", refusedOutcome),
    Check(
      "a table that takes no outcome ends the run and fails no more documents", refusedOutcomes),
    Check("a row that can be neither completed nor failed is told", stuckOutcome),
    Check("a row that refuses to be taken back keeps no others back", refusedTakingBack),
    Check("what is given back says nothing about its document", givenBack),
    Check("what stands in a column is known", values),
    Check("numbers and times that no document has stop neither report nor reconciliation", numbers),
  ]

  static func refusedClaims(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(5))
    try fixture.addTrigger("NEW.page = 2 AND NEW.download_status = 'in_progress'", "not this one")
    #expect(pages(try index.claim(Selection(), for: .test(), count: 3)) == [1, 3])
    #expect(index.refusals.all.map(\.reason).allSatisfy { $0.contains("not this one") })
    #expect(index.refusals.all.count == 1)
    #expect(pages(try index.claim(Selection(), for: .test(), count: 9)) == [4, 5])
    #expect(try index.claim(Selection(), for: .test(), count: 9).isEmpty)
    #expect(try index.queueCounts(Selection(), for: .test()).claimable == 0)
    #expect(try fixture.row(page: 2, "download_status") == ["pending"])
  }

  static func refusedTable(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(5))
    try fixture.addTrigger("NEW.download_status = 'in_progress'", "nobody may")
    let error = #expect(throws: Fatal.self) {
      try index.claim(Selection(), for: .test(), count: 5)
    }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("nobody may") == true)
  }

  static func unchanged(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(6))
    try fixture.addTrigger("NEW.page <= 4 AND NEW.download_status = 'in_progress'", nil)
    let run = Run.test()
    #expect(try index.claim(Selection(), for: run, count: 4).isEmpty)
    #expect(try index.queueCounts(Selection(), for: run).claimable == 6)
    #expect(try index.claimOneByOne(Selection(), for: run, count: 4).isEmpty)
    #expect(pages(try index.claim(Selection(), for: run, count: 4)) == [5, 6])
    let obstacle = try index.obstacle(Selection(), for: run)
    #expect(obstacle.reason.contains("trigger"))
    #expect(obstacle.reason.contains("odd"))
    #expect(obstacle.code == .configuration)
    // Once the trigger is gone, they are found again.
    try fixture.sql("DROP TRIGGER odd\(fixture is PostgresFixture ? " ON index_documents" : "")")
    #expect(try index.claim(Selection(), for: run, count: 4).isEmpty)
    index.refusals.forgetUnchanged()
    #expect(pages(try index.claim(Selection(), for: run, count: 4)) == [1, 2, 3, 4])
  }

  static func refusedOutcome(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(4))
    let leases = try index.claim(Selection(), for: .test(), count: 4).compactMap { Lease($0) }
    try fixture.addTrigger(
      "NEW.page = 2 AND NEW.download_status = 'completed'", "book 238 is closed")
    let done = Completion(url: "gs://b/1", sha256: "ab", bytes: 1)
    let answers = try index.settle(leases.prefix(3).map { Settlement($0, .completed(done)) })
    #expect(answers[0] == .written)
    #expect(answers[2] == .written)
    guard case .refused(let reason) = answers[1] else {
      Issue.record("\(answers)")
      return
    }
    #expect(reason.contains("book 238 is closed"))
    #expect(
      try fixture.row(page: 2, "download_status, error_class, COALESCE(lease_token, 'none')")
        == ["failed", "internal", "none"])
    #expect(try fixture.row(page: 2, "download_error")[0].contains("book 238 is closed"))
    #expect(try fixture.row(page: 4, "download_status") == ["in_progress"])
    #expect(try index.settle([Settlement(leases[1], .completed(done))]) == [false])
  }

  static func refusedOutcomes(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(6))
    let leases = try index.claim(Selection(), for: .test(), count: 6).compactMap { Lease($0) }
    try fixture.addTrigger(
      "NEW.download_status = 'completed' AND NEW.page <> 3", "closed until 7 May")
    let done = Completion(url: "gs://b/1", sha256: "ab", bytes: 1)
    func settle(_ number: Int) throws -> SettlementResult? {
      try index.settle([Settlement(leases[number], .completed(done))]).first
    }
    // One that is taken between them shows that it is the documents.
    for number in [0, 1, 2, 3, 4] { _ = try settle(number) }
    #expect(try index.counts(Selection()).failed == 4)
    let error = #expect(throws: Fatal.self) { try settle(5) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("closed until 7 May") == true)
    #expect(try index.counts(Selection()).failed == 4)
    #expect(try index.counts(Selection()).inProgress == 1)
  }

  static func stuckOutcome(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(2))
    let leases = try index.claim(Selection(), for: .test(), count: 2).compactMap { Lease($0) }
    try fixture.addTrigger("NEW.page = 1 AND OLD.download_status = 'in_progress'", nil)
    let done = Completion(url: "gs://b/1", sha256: "ab", bytes: 1)
    let answers = try index.settle(leases.map { Settlement($0, .completed(done)) })
    #expect(answers[1] == .written)
    guard case .refused(let reason) = answers[0] else {
      Issue.record("\(answers)")
      return
    }
    #expect(reason.contains("discards the change"))
  }

  static func refusedTakingBack(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(3))
    let run = Run.test()
    let leases = try index.claim(Selection(), for: run, count: 3).compactMap { Lease($0) }
    try fixture.sql("UPDATE index_documents SET lease_expires_at = \(fixture.time(-1))")
    try fixture.addTrigger("NEW.page = 2", "frozen")
    #expect(try index.renew(leases, of: run) == 2)
    try fixture.sql(
      "UPDATE index_documents SET lease_expires_at = \(fixture.time(-1)) WHERE page <> 2")
    #expect(try index.reclaimExpiredLeases() == 2)
    let rows = try fixture.sql("SELECT download_status FROM index_documents ORDER BY page")
    #expect(rows == [["pending"], ["in_progress"], ["pending"]])
    try index.release(leases)
  }

  static func givenBack(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(2))
    let run = Run.test()
    try fixture.sql(
      """
      UPDATE index_documents SET download_error = 'HTTP 503', error_class = 'portal_error',
        lost_leases = 2, download_attempts = 1 WHERE page = 1
      """)
    let leases = try index.claim(Selection(), for: run, count: 2).compactMap { Lease($0) }
    let outcome = AttemptPolicy.outcome(
      of: .stopped, attempt: 2, firstWait: 120, random: 1)
    #expect(try index.settle(leases.map { Settlement($0, outcome) }) == [true, true])
    let columns = """
      download_status, download_attempts, COALESCE(download_error, 'none'),
      COALESCE(error_class, 'none'), lost_leases, COALESCE(lease_token, 'none')
      """
    #expect(
      try fixture.row(page: 1, columns) == [
        "pending", "1", "HTTP 503", "portal_error", "2", "none",
      ])
    #expect(try fixture.row(page: 2, columns) == ["pending", "0", "none", "none", "0", "none"])
    #expect(try index.queueCounts(Selection(), for: run).waiting == 2)
  }

  static func numbers(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(4))
    let sizes = ["9223372036854775807", "9223372036854775807", "-5", "100"]
    let times = ["9999-12-31 23:59:59", "infinity", "1066-10-14 09:00:00", "2026-11-23 18:30:35"]
    for page in 1...4 {
      try fixture.sql(
        """
        UPDATE index_documents SET download_status = 'completed', gcs_path = 'gs://b/\(page)',
          content_bytes = \(sizes[page - 1]), original_bytes = \(sizes[page - 1]),
          downloaded_at = '\(times[page - 1])'
        WHERE page = \(page)
        """)
    }
    let report = try index.report(Selection())
    #expect(report.status.completed == 4)
    #expect(report.originalBytes == 100 && report.optimizedBytes == 100)
    #expect(report.completedWithoutSizes == 3)
    let pages = try index.storedRows(Selection())
    let rows = try #require(try pages.next())
    #expect(rows.map(\.bytes) == sizes.map { Int($0) })
    #expect(rows.last?.completedAt == 1_795_458_635_000_000_000)
    #expect(try pages.next() == nil)
  }

  static func values(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: [
      Document(page: 1), Document(page: 2, type: "OIL  GAS"), Document(page: 3, source: "H"),
    ])
    #expect(try index.values(of: .type) == ["DEED", "OIL  GAS"])
    #expect(try index.values(of: .source) == ["DuProcess", "H"])
  }
}
