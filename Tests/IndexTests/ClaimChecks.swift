import Common
import Index
import Synchronization
import Testing

/// What claiming does, and giving back.
enum ClaimChecks {
  static let all = [
    Check("claims follow priority, book and page", order),
    Check("orders to stop hold for their stage, or for all, until they are lifted", stopOrders),
    Check("an order to stop that is given again has its own time", stopOrderAgain),
    Check("a claim leases, counts and tells", claim),
    Check("a selection decides what is claimed", selection),
    Check("a preview shows the same and changes nothing", preview),
    Check("a release gives back without counting", release),
    Check("releasing a run gives back all it has, and nothing else", releaseAll),
    Check("a renewal is for one's own leases", renewal),
    Check("eight claimers never get the same document", concurrency),
    Check("a run at its limit claims only what it had", returning),
  ]

  static func stopOrderAgain(_ fixture: any IndexFixture) throws {
    let index = try fixture.open()
    try index.order(stop: "", by: "eve@desk", why: "first")
    try fixture.sql("UPDATE conveyor_stops SET ordered_at = '2020-01-01 00:00 UTC'")
    try index.order(stop: "", by: "ann@desk", why: "second")
    let order = try #require(try index.stopOrders().order(for: nil))
    #expect(order.author == "ann@desk" && order.why == "second")
    #expect(!order.time.hasPrefix("2020"))
  }

  static func stopOrders(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(1))
    #expect(try index.stopOrders().isEmpty)
    #expect(try !index.lift(stop: "stage-0-test"))
    try index.order(stop: "stage-0-test", by: "eve@desk", why: "")
    try index.order(stop: "stage-0-test", by: "ann@desk", why: "upgrade")
    // Another process sees it, and another stage is not meant.
    let order = try #require(try fixture.open().stopOrders().order(for: "stage-0-test"))
    #expect(order.author == "ann@desk" && order.why == "upgrade" && order.time.hasSuffix("UTC"))
    #expect(try index.stopOrders().order(for: "stage-1") == nil)
    #expect(try index.stopOrders().order(for: nil) == nil)
    try index.order(stop: "", by: "ann@desk", why: "")
    #expect(try index.stopOrders().order(for: nil) != nil)
    #expect(try index.stopOrders().order(for: "stage-1")?.stage.isEmpty == true)
    #expect(try index.lift(stop: "") && index.lift(stop: "stage-0-test"))
    #expect(try index.stopOrders().isEmpty)
  }

  static func order(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: [
      Document(book: 300, page: 1), Document(book: 240, page: 2), Document(book: 240, page: 3),
      Document(book: 900, page: 4, priority: 1), Document(book: 1, page: 5, priority: 4),
    ])
    let run = Run.test()
    #expect(pages(try index.claim(Selection(), for: run, count: 2)) == [4, 2])
    #expect(pages(try index.claim(Selection(), for: run, count: 10)) == [3, 1, 5])
    #expect(try index.claim(Selection(), for: run, count: 10).isEmpty)
    #expect(try index.claim(Selection(), for: run, count: 0).isEmpty)
  }

  static func claim(_ fixture: any IndexFixture) throws {
    let index = try fixture.open()
    _ = try index.add([
      ImportedRow(checking: [
        "source": "DuProcess", "gin": "9", "instrument_number": "62379", "book_volume": "W",
        "book": "285", "page": "55", "instrument_type_raw": "ASSIGN OIL GAS  MIN - [X]",
        "document_type": "MINERAL_DEED", "file_date": "1951-03-04", "num_pages": "2",
        "grantor_party": "not for the pipeline",
      ])
    ])
    let record = try #require(try index.claim(Selection(), for: .test(), count: 1).first)
    let token = try #require(Lease(record)?.token)
    #expect(token.count == 32)
    #expect(
      JSON.object(record.fields).description == #"{"id":"\#(record.id)","source":"DuProcess","#
        + #""gin":9,"instrument_number":62379,"book_volume":"W","book":285,"page":55,"#
        + #""instrument_type_raw":"ASSIGN OIL GAS  MIN - [X]","#
        + #""instrument_type_parsed":"ASSIGN OIL GAS  MIN","document_type":"MINERAL_DEED","#
        + #""file_date":"1951-03-04","num_pages":2,"download_priority":3,"attempt":1,"#
        + #""lease":{"token":"\#(token)","run":"a"}}"#)
    #expect(
      try fixture.row(page: 55, "download_status, download_attempts, lease_token, lease_owner")
        == ["in_progress", "1", token, Run.test().owner])
    let isAhead = """
      lease_expires_at BETWEEN \(fixture.time(590)) AND \(fixture.time(601))
      """
    #expect(try fixture.row(page: 55, "CASE WHEN \(isAhead) THEN 'yes' END") == ["yes"])
  }

  static func selection(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: [
      Document(book: 1, page: 1), Document(book: 49, page: 2), Document(book: 50, page: 3),
      Document(book: 238, page: 4, priority: 1), Document(book: 299, page: 5, type: #"AFF "T""#),
      Document(book: 299, page: 6, type: "OIL  GAS"), Document(book: 40, page: 7, source: "H"),
      Document(book: 40, page: 8, status: "skipped"),
    ])
    func claimed(_ change: (inout Selection) -> Void) throws -> [Int] {
      var selection = Selection()
      change(&selection)
      return pages(try index.preview(selection, count: 10)).sorted()
    }
    #expect(try claimed { $0.books = [1...49, 238...299] } == [1, 2, 4, 5, 6, 7])
    #expect(try claimed { $0.types = [#"AFF "T""#, "OIL  GAS", "OIL GAS"] } == [5, 6])
    #expect(try claimed { $0.priorities = [1, 2] } == [4])
    #expect(try claimed { $0.sources = ["H"] } == [7])
    #expect(try claimed { $0.types = ["' OR 1=1 --"] } == [])
    let both = try claimed {
      $0.books = [1...49]
      $0.sources = ["DuProcess"]
    }
    #expect(both == [1, 2])
  }

  static func preview(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(5) + [Document(page: 3, source: "H")])
    let before = try fixture.sql("SELECT * FROM index_documents")
    var seen: [Int] = []
    var position: PreviewPosition?
    repeat {
      let records = try index.preview(Selection(), count: 2, after: position)
      seen += pages(records)
      position = records.last.flatMap(PreviewPosition.init)
      #expect(records.allSatisfy { $0["lease"] == nil && $0["attempt"] == nil })
    } while position != nil
    #expect(seen == [1, 2, 3, 3, 4, 5])
    #expect(try fixture.sql("SELECT * FROM index_documents") == before)
  }

  static func release(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(1))
    let old = try lease(try index.claim(Selection(), for: .test(), count: 1))
    try index.release([old])
    let columns = "download_status, download_attempts, lease_token, lease_owner"
    #expect(try fixture.row(page: 1, columns) == ["pending", "0", "", ""])
    let new = try index.claim(Selection(), for: .test("b"), count: 1)
    try index.release([old])
    #expect(
      try fixture.row(page: 1, columns)
        == ["in_progress", "1", try lease(new).token, Run.test("b").owner])
  }

  static func releaseAll(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(4))
    let run = Run.test()
    let first = try lease(try index.claim(Selection(), for: run, count: 1))
    _ = try index.settle([Settlement(first, .failed(RecordError(.absent, "nothing")))])
    let mine = try index.claim(Selection(), for: run, count: 2)
    _ = try index.claim(Selection(), for: .test("b"), count: 1)
    #expect(try index.releaseAll(of: run) == 2)
    #expect(try index.releaseAll(of: run) == 0)
    let rows = try fixture.sql(
      """
      SELECT download_status, download_attempts, lost_leases, COALESCE(lease_token, 'none')
      FROM index_documents WHERE page IN (2, 3)
      """)
    #expect(rows == Array(repeating: ["pending", "0", "0", "none"], count: 2))
    #expect(try fixture.row(page: 1, "download_status") == ["failed"])
    #expect(try fixture.row(page: 4, "download_status") == ["in_progress"])
    let late = try #require(mine.first.flatMap { Lease($0) })
    let error = RecordError(.network, "late")
    #expect(try index.settle([Settlement(late, .failed(error))]) == [false])
  }

  static func renewal(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(4))
    let mine = try index.claim(Selection(), for: .test("a"), count: 3).compactMap { Lease($0) }
    let other = try lease(try index.claim(Selection(), for: .test("b"), count: 1))
    #expect(Set(try index.leases(of: .test("a"))) == Set(mine))
    try fixture.sql("UPDATE index_documents SET lease_expires_at = \(fixture.time(1))")
    let strangers = [
      Lease(id: mine[2].id, token: mine[0].token), Lease(id: "none", token: "x"),
      Lease(id: "99", token: "x"),
    ]
    #expect(try index.renew(Array(mine.prefix(2)) + strangers, of: .test("a")) == 2)
    let renewed = try fixture.sql(
      """
      SELECT page FROM index_documents WHERE lease_expires_at > \(fixture.time(590)) ORDER BY page
      """)
    #expect(renewed == [["1"], ["2"]])
    #expect(try index.leases(of: .test("b")) == [other])
    #expect(try index.renew([], of: .test("a")) == 0)
  }

  static func concurrency(_ fixture: any IndexFixture) throws {
    _ = try fixture.open(with: Document.pages(300))
    let claimed = Mutex<[String]>([])
    let failures = Mutex<[String]>([])
    withThreads(8) { number in
      do {
        let index = try fixture.open()
        while true {
          let records = try index.claim(Selection(), for: .test("\(number)"), count: 7)
          if records.isEmpty { return }
          claimed.withLock { $0 += records.map(\.id) }
        }
      } catch {
        failures.withLock { $0.append("\(error)") }
      }
    }
    #expect(failures.withLock(\.self) == [])
    let ids = claimed.withLock(\.self)
    #expect(ids.count == 300)
    #expect(Set(ids).count == 300)
  }

  static func returning(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(3))
    var run = Run.test()
    let mine = try lease(try index.claim(Selection(), for: run, count: 1))
    let error = RecordError(.network, "no answer")
    _ = try index.settle([Settlement(mine, .again(error, after: 0, countsAttempt: true))])
    run.claimsOnlyReturning = true
    #expect(try index.queueCounts(Selection(), for: run).claimable == 1)
    #expect(pages(try index.claim(Selection(), for: run, count: 10)) == [1])
    #expect(try index.queueCounts(Selection(), for: run).claimable == 0)
    #expect(try index.claim(Selection(), for: run, count: 10).isEmpty)
  }
}
