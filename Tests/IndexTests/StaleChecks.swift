import Common
import Glibc
import Testing

@testable import Index

/// What is taken back from those who do not work on it any more.
enum StaleChecks {
  static let all = [
    Check("expired leases and those of dead processes are taken back", leases),
    Check("rows of older software are taken back after half an hour", olderSoftware),
    Check("a document that kills its worker ends as failed, its neighbours do not", killer),
    Check("what becomes of lost leases follows the policy", standings),
    Check("a quarantined document works alone", quarantined),
    Check("the queueCounts knows here from elsewhere", queueCounts),
  ]

  static func leases(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(5))
    let host = LeaseOwner.thisHost
    let dead = Run(id: "dead", host: host, process: try deadProcess().description)
    let far = Run(id: "far", host: "another-host", process: try deadProcess().description)
    _ = try index.claim(Selection(), for: .test("alive"), count: 1)
    _ = try index.claim(Selection(), for: dead, count: 2)
    _ = try index.claim(Selection(), for: far, count: 1)
    _ = try index.claim(Selection(), for: .test("expired"), count: 1)
    try fixture.sql(
      "UPDATE index_documents SET lease_expires_at = \(fixture.time(-1)) WHERE page = 5")
    #expect(try index.reclaimExpiredLeases() == 3)
    let rows = try fixture.sql(
      """
      SELECT page, download_status, download_attempts, COALESCE(lease_token, 'none')
      FROM index_documents WHERE download_status = 'pending' ORDER BY page
      """)
    #expect(rows == ["2", "3", "5"].map { [$0, "pending", "0", "none"] })
    #expect(try index.reclaimExpiredLeases() == 0)
  }

  static func olderSoftware(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(2))
    try fixture.sql("UPDATE index_documents SET download_status = 'in_progress'")
    for (page, minutes) in [(1, -31), (2, -29)] {
      try fixture.sql(
        """
        UPDATE index_documents SET updated_at = \(fixture.time(minutes * 60)) WHERE page = \(page)
        """)
    }
    #expect(try index.reclaimExpiredLeases() == 1)
    #expect(try fixture.row(page: 1, "download_status") == ["pending"])
    #expect(try fixture.row(page: 2, "download_status") == ["in_progress"])
  }

  /// The pipeline takes what it gets and dies whenever page 2 is on it, with all that it has.
  static func killer(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(4))
    var claims: [Int: Int] = [:]
    while true {
      let records = try index.claim(Selection(), for: .test(), count: 2)
      if records.isEmpty { break }
      for page in pages(records) { claims[page, default: 0] += 1 }
      #expect(records.allSatisfy { $0["attempt"]?.int == 1 })
      if pages(records).contains(2) {
        try fixture.sql(
          """
          UPDATE index_documents SET lease_expires_at = \(fixture.time(-1))
          WHERE download_status = 'in_progress'
          """)
        #expect(try index.reclaimExpiredLeases() == records.count)
      } else {
        let error = RecordError(.absent, "nothing found")
        _ = try index.settle(
          records.compactMap { Lease($0) }.map { Settlement($0, .failed(error)) })
      }
    }
    #expect(claims[2] == 5)
    #expect(
      try fixture.row(page: 2, "download_status, error_class, download_attempts, lost_leases")
        == ["failed", "internal", "0", "5"])
    for page in [1, 3, 4] {
      #expect(
        try fixture.row(page: page, "download_status, error_class, download_attempts, lost_leases")
          == ["failed", "absent", "1", "0"])
    }
  }

  /// Six that went down together say nothing about any one of them; one that went down alone does.
  static func standings(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(6))
    for isAlone in [false, true] {
      try fixture.sql(
        """
        UPDATE index_documents SET download_status = 'in_progress', download_attempts = 1,
          lost_leases = page - 1, lease_token = 'token', lease_expires_at = \(fixture.time(-1)),
          lease_owner = 'a/1/' || \(isAlone ? "page" : "1")
        """)
      #expect(try index.reclaimExpiredLeases() == 6)
      for page in 1...6 {
        let losses = AttemptPolicy.losses(after: page - 1, isAlone: isAlone)
        let isFailed = AttemptPolicy.standing(afterLosing: losses) == .poisoned
        #expect(
          try fixture.row(page: page, "download_status, lost_leases")
            == [isFailed ? "failed" : "pending", String(losses)])
      }
    }
    #expect((0...5).map { AttemptPolicy.losses(after: $0, isAlone: false) } == [1, 2, 3, 3, 4, 5])
    let trusted = pages(try index.claim(Selection(), for: .test(), count: 9))
    #expect(trusted == [1, 2])
  }

  static func quarantined(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(4))
    try fixture.sql("UPDATE index_documents SET lost_leases = 3 WHERE page IN (1, 2)")
    let run = Run.test()
    let error = RecordError(.network, "no answer")
    func settle(_ records: [DocumentRecord]) throws {
      let outcomes = records.compactMap { Lease($0) }.map { Settlement($0, .failed(error)) }
      #expect(try index.settle(outcomes) == outcomes.map { _ in true })
    }
    let others = try index.claim(Selection(), for: run, count: 1)
    #expect(pages(others) == [3])
    #expect(try index.queueCounts(Selection(), for: run).heldBack == 2)
    let rest = try index.claim(Selection(), for: run, count: 9)
    #expect(pages(rest) == [4])
    #expect(try index.claim(Selection(), for: run, count: 9).isEmpty)
    #expect(try index.queueCounts(Selection(), for: run).claimable == 0)
    try settle(others + rest)
    #expect(try index.queueCounts(Selection(), for: run).claimable == 2)
    let first = try index.claim(Selection(), for: run, count: 9)
    #expect(first.count == 1)
    // What arrives meanwhile waits until the suspect is settled.
    #expect(try index.add([Document(page: 9).row]).added == 1)
    #expect(try index.claim(Selection(), for: run, count: 9).isEmpty)
    #expect(try index.queueCounts(Selection(), for: run).heldBack == 2)
    try settle(first)
    #expect(pages(try index.claim(Selection(), for: run, count: 9)) == [9])
  }

  static func queueCounts(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(6) + [Document(book: 900, page: 7)])
    var books = Selection()
    books.books = [1...300]
    _ = try index.claim(books, for: .test("a"), count: 2)
    _ = try index.claim(books, for: .test("b"), count: 3)
    var queueCounts = QueueCounts()
    queueCounts.claimable = 1
    queueCounts.inProgressHere = 2
    queueCounts.inProgressElsewhere = 3
    #expect(try index.queueCounts(books, for: .test("a")) == queueCounts)
  }

  /// A process that is no more: ended, and waited for.
  private static func deadProcess() throws -> ProcessIdentity {
    var process: pid_t = 0
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
    defer { free(arguments[0]) }
    try #require(posix_spawn(&process, "/bin/true", nil, nil, &arguments, environ) == 0)
    try #require(waitpid(process, nil, 0) == process)
    let here = try #require(ProcessIdentity.this)
    return ProcessIdentity(
      number: process, start: here.start, namespaces: here.namespaces, boot: here.boot)
  }
}
