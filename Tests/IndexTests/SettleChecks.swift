import Common
import Index
import Testing

/// What becomes of documents, and by whose right.
enum SettleChecks {
  static let all = [
    Check("completed keeps the proof and clears the rest", completed),
    Check("what optimize did is kept, and forgotten when it is not known", optimization),
    Check("again waits, and counts or not", again),
    Check("failed is final", failed),
    Check("a stale lease changes nothing", fencing),
    Check("an expired lease that nobody took back still holds", expiry),
    Check("a retry stage resumes where it was", retryStage),
    Check("adding rows again adds none", adding),
  ]

  private static let statusColumns = """
    download_status, download_attempts, error_class, download_error, lease_token,
    CASE WHEN retrying THEN 1 ELSE 0 END
    """

  static func completed(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(1))
    let mine = try lease(try index.claim(Selection(), for: .test(), count: 1))
    var done = Completion(url: "gs://b/1.pdf", sha256: "ab12", bytes: 10)
    done.originalBytes = 30
    done.actualBook = 23
    done.actualPage = 8
    done.isMismatch = true
    try fixture.sql(
      """
      UPDATE index_documents
      SET download_error = 'old', error_class = 'network', retrying = TRUE, lost_leases = 2
      """)
    #expect(try index.settle([Settlement(mine, .completed(done))]) == [true])
    #expect(
      try fixture.row(
        page: 1,
        """
        gcs_path, content_sha256, content_bytes, original_bytes, actual_book, actual_page,
        CASE WHEN book_page_mismatch THEN 'differs' END, lease_owner, lease_expires_at,
        CASE WHEN downloaded_at > \(fixture.time(-5)) THEN 'now' END
        """) == ["gs://b/1.pdf", "ab12", "10", "30", "23", "8", "differs", "", "", "now"])
    #expect(try fixture.row(page: 1, statusColumns) == ["completed", "1", "", "", "", "0"])
    #expect(try fixture.row(page: 1, "lost_leases") == ["0"])
  }

  static func optimization(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(3))
    let leases = try index.claim(Selection(), for: .test(), count: 3).compactMap { Lease($0) }
    try fixture.sql(
      """
      UPDATE index_documents SET optimize_outcome = 'kept', optimize_reason = 'old',
        optimize_rejected_bytes = 9
      """)
    var kept = Completion(url: "gs://b/1.pdf", sha256: "ab12", bytes: 10)
    kept.optimization = Optimization(
      .kept, reason: RejectionReason.pageChanged.rawValue, rejectedBytes: 7)
    var images = kept
    images.optimization = Optimization(.images)
    var unknown = kept
    unknown.optimization = nil
    let outcomes = zip(leases, [kept, images, unknown]).map { Settlement($0, .completed($1)) }
    #expect(try index.settle(outcomes) == [true, true, true])
    let columns = "optimize_outcome, optimize_reason, optimize_rejected_bytes"
    #expect(
      try fixture.row(page: 1, columns) == ["kept", "a page of the result looks different", "7"])
    #expect(try fixture.row(page: 2, columns) == ["images", "", ""])
    #expect(try fixture.row(page: 3, columns) == ["", "", ""])
  }

  static func again(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(2))
    let records = try index.claim(Selection(), for: .test(), count: 2)
    let leases = records.compactMap { Lease($0) }
    let error = RecordError(tool: "fetch", .network, "no answer")
    let changed = try index.settle([
      Settlement(leases[0], .again(error, after: 60, countsAttempt: true)),
      Settlement(leases[1], .again(error, after: 3000, countsAttempt: false)),
    ])
    #expect(changed == [true, true])
    #expect(
      try fixture.row(page: 1, statusColumns) == ["pending", "1", "network", "no answer", "", "0"])
    #expect(try fixture.row(page: 2, "download_attempts") == ["0"])
    #expect(try index.claim(Selection(), for: .test(), count: 2).isEmpty)
    let queueCounts = try index.queueCounts(Selection(), for: .test())
    #expect((queueCounts.claimable, queueCounts.waiting, queueCounts.inProgressHere) == (0, 2, 0))
    #expect((50...60).contains(try #require(queueCounts.secondsToNext)))
    try fixture.sql(
      "UPDATE index_documents SET next_attempt_at = \(fixture.time(-1)) WHERE page = 1")
    let second = try index.claim(Selection(), for: .test(), count: 2)
    #expect(second.first?["attempt"]?.int == 2)
    #expect(try fixture.row(page: 1, "next_attempt_at") == [""])
  }

  static func failed(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(1))
    let mine = try lease(try index.claim(Selection(), for: .test(), count: 1))
    let error = RecordError(.absent, "nothing found")
    #expect(try index.settle([Settlement(mine, .failed(error))]) == [true])
    #expect(
      try fixture.row(page: 1, statusColumns) == [
        "failed", "1", "absent", "nothing found", "", "0",
      ]
    )
    let queueCounts = try index.queueCounts(Selection(), for: .test())
    #expect(queueCounts == QueueCounts())
    #expect(try index.settle([Settlement(mine, .failed(error))]) == [false])
  }

  static func expiry(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(1))
    let mine = try lease(try index.claim(Selection(), for: .test(), count: 1))
    try fixture.sql("UPDATE index_documents SET lease_expires_at = \(fixture.time(-1))")
    let done = Completion(url: "gs://b/1", sha256: "", bytes: 1)
    #expect(try index.settle([Settlement(mine, .completed(done))]) == [true])
  }

  static func fencing(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(1))
    let old = try lease(try index.claim(Selection(), for: .test("a"), count: 1))
    try fixture.sql("UPDATE index_documents SET lease_expires_at = \(fixture.time(-1))")
    #expect(try index.reclaimExpiredLeases() == 1)
    _ = try index.claim(Selection(), for: .test("b"), count: 1)
    let before = try fixture.sql("SELECT * FROM index_documents")
    let error = RecordError(.network, "late")
    let outcomes: [Settlement.Outcome] = [
      .completed(Completion(url: "gs://b/1", sha256: "", bytes: 1)), .failed(error),
      .again(error, after: 0, countsAttempt: false),
    ]
    for outcome in outcomes {
      #expect(try index.settle([Settlement(old, outcome)]) == [false])
    }
    let strangers = [
      Lease(id: "no number", token: old.token), Lease(id: "999", token: old.token),
      Lease(id: old.id, token: ""),
    ]
    #expect(
      try index.settle(strangers.map { Settlement($0, .failed(error)) }) == [false, false, false])
    try index.release([old] + strangers)
    #expect(try fixture.sql("SELECT * FROM index_documents") == before)
  }

  static func retryStage(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(
      with: (1...4).map { Document(page: $0, status: $0 == 4 ? "pending" : "failed") })
    try fixture.sql("UPDATE index_documents SET download_attempts = 5 WHERE page < 4")
    var stage = Selection()
    stage.retriesFailed = true
    #expect(pages(try index.preview(stage, count: 9)) == [1, 2, 3])
    #expect(try index.counts(stage).failed == 3)
    #expect(try index.requeueFailed(Selection()) == 0)
    #expect(try index.requeueFailed(stage) == 3)
    #expect(try index.counts(stage).pending == 3)
    let first = try index.claim(stage, for: .test(), count: 1)
    #expect(first.first?["attempt"]?.int == 1)
    let error = RecordError(.network, "no answer")
    _ = try index.settle([
      Settlement(try lease(first), .again(error, after: 0, countsAttempt: true))
    ])
    // The run is interrupted; the next one goes on with all three, and not with the fourth.
    #expect(try index.requeueFailed(stage) == 0)
    #expect(try index.queueCounts(stage, for: .test("b")).claimable == 3)
    let rest = try index.claim(stage, for: .test("b"), count: 9)
    #expect(pages(rest) == [1, 2, 3])
    _ = try index.settle(rest.compactMap { Lease($0) }.map { Settlement($0, .failed(error)) })
    #expect(try index.counts(stage).pending == 0)
    #expect(try index.queueCounts(stage, for: .test("b")) == QueueCounts())
    #expect(try fixture.row(page: 1, statusColumns).last == "0")
  }

  static func adding(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(3))
    let before = try fixture.sql("SELECT * FROM index_documents")
    #expect(try index.add(Document.pages(3).map(\.row)).added == 0)
    #expect(try fixture.sql("SELECT * FROM index_documents") == before)
    #expect(try index.add(Document.pages(4).map(\.row)).added == 1)
    let other = Document(page: 1, source: "Historical").row
    #expect(try index.add([other, other]).added == 1)
    #expect(try index.add([]).added == 0)
    let bare = ImportedRow(["source": "H", "book": "1", "page": "9"])
    #expect(try index.add([bare]).added == 1)
    #expect(
      try fixture.row(page: 9, "download_status, download_priority, download_attempts")
        == ["pending", "3", "0"])
  }
}
