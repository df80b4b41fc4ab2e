import Common
import Glibc
import Index
import Stages
import Testing

/// What is taken back from those who do not work on it any more.
enum StaleChecks {
  static let all = [
    Check("expired leases and those of dead processes are taken back", leases),
    Check("rows of older software are taken back after half an hour", olderSoftware),
    Check("a document that kills its worker ends as failed", killer),
    Check("the outlook knows here from elsewhere", outlook),
  ]

  static func leases(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(5))
    let host = Run.test().host
    let dead = Run(id: "dead", host: host, process: try deadProcess())
    let far = Run(id: "far", host: "another-host", process: try deadProcess())
    _ = try index.claim(Selection(), for: .test("alive"), count: 1)
    _ = try index.claim(Selection(), for: dead, count: 2)
    _ = try index.claim(Selection(), for: far, count: 1)
    _ = try index.claim(Selection(), for: .test("expired"), count: 1)
    try fixture.sql(
      "UPDATE index_documents SET lease_expires_at = \(fixture.time(-1)) WHERE page = 5")
    #expect(try index.takeBackStale() == 3)
    let rows = try fixture.sql(
      """
      SELECT page, download_status, download_attempts, COALESCE(lease_token, 'none')
      FROM index_documents WHERE download_status = 'pending' ORDER BY page
      """)
    #expect(rows == ["2", "3", "5"].map { [$0, "pending", "1", "none"] })
    #expect(try index.takeBackStale() == 0)
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
    #expect(try index.takeBackStale() == 1)
    #expect(try fixture.row(page: 1, "download_status") == ["pending"])
    #expect(try fixture.row(page: 2, "download_status") == ["in_progress"])
  }

  static func killer(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(1))
    var claims = 0
    while let record = try index.claim(Selection(), for: .test(), count: 1).first {
      claims += 1
      #expect(record["attempt"]?.int == claims)
      try fixture.sql("UPDATE index_documents SET lease_expires_at = \(fixture.time(-1))")
      #expect(try index.takeBackStale() == 1)
    }
    #expect(claims == 5)
    #expect(
      try fixture.row(page: 1, "download_status, error_class, download_attempts")
        == ["failed", "internal", "5"])
  }

  static func outlook(_ fixture: any IndexFixture) throws {
    let index = try fixture.open(with: Document.pages(6) + [Document(book: 900, page: 7)])
    var books = Selection()
    books.books = [1...300]
    _ = try index.claim(books, for: .test("a"), count: 2)
    _ = try index.claim(books, for: .test("b"), count: 3)
    var outlook = Outlook()
    outlook.claimable = 1
    outlook.inProgressHere = 2
    outlook.inProgressElsewhere = 3
    #expect(try index.outlook(books, for: .test("a")) == outlook)
  }

  /// The number of a process that is no more: ended, and waited for.
  private static func deadProcess() throws -> Int32 {
    var process: pid_t = 0
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
    defer { free(arguments[0]) }
    try #require(posix_spawn(&process, "/bin/true", nil, nil, &arguments, environ) == 0)
    try #require(waitpid(process, nil, 0) == process)
    return process
  }
}
