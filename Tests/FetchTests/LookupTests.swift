import Common
import Foundation
import Support
import Testing
import HTTP

@testable import fetch

/// Two-step portals as they are, against a real server.
@Suite("Scans that were looked up") struct LookupTests {
  private static let one = PDFBuilder.scan(pages: 1, padding: 500)
  private static let two = PDFBuilder.scan(pages: 2, padding: 700)

  /// Runs a look-up whose page is `page`; other addresses have what `files` says.
  private static func fetched(
    _ page: [ScriptedServer.Step], _ files: [String: [UInt8]], fields: [String: JSON?] = [:],
    change: @escaping (inout FetchSettings) -> Void = { _ in },
    served: ([String]) -> Void = { _ in }
  ) throws -> Result<DocumentRecord, RecordError> {
    let server = try ScriptedServer { head, _ in
      let path = String(head.split(separator: " ")[1])
      if path.hasPrefix("/look") { return page }
      guard let file = files[path] else { return [BadServerTests.whole("404 Not Found", "no")] }
      return ScanTests.answer(file)
    }
    let directory = try TemporaryDirectory()
    try directory.write(
      """
      base: \(server.url)
      lookup:
        path: look.php
        ways: [{n: "{instrument_number}"}]
        answer: //form
        images: //a[contains(@href, 'pdf')]/@href
      """, to: "p.yaml")
    let portal = try Portal(named: "p", in: directory.path, base: nil)
    let run = try FetchRun { settings in
      settings.portals = [portal]
      change(&settings)
    }
    defer { served(server.requests) }
    return try run.fetch(fields: fields.merging(["instrument_number": .int(7)]) { $1 })
  }

  private static func page(_ markup: String) -> [ScriptedServer.Step] {
    ScanTests.answer(Array("<html><form></form>\(markup)</html>".utf8), ["Content-Type: text/html"])
  }

  @Test("A scan that is linked twice is fetched once, in the order in which it appears")
  func twice() throws {
    var requests: [String] = []
    let record = try Self.fetched(
      Self.page(
        "<a href=2.pdf><img></a><a href=2.pdf>two</a><a href='1.pdf#x'>one</a><a href=' ./1.pdf'>1</a>"
      ),
      ["/1.pdf": Self.one, "/2.pdf": Self.two]
    ) { _ in
    } served: {
      requests = $0
    }.get()
    #expect(record["fetch"]?["images"] == .int(2))
    #expect(record["fetch"]?["pages"] == .int(3))
    #expect(requests.map { $0.split(separator: " ")[1] } == ["/look.php?n=7", "/2.pdf", "/1.pdf"])
    #expect(requests.last?.contains("Referer: http://127.0.0.1:") == true)
    #expect(requests.last?.contains("/look.php?n=7\r\n") == true)
  }

  @Test(
    "Pages are counted against the index",
    arguments: [
      (.int(3), false, false), (.int(6), true, false), (.int(6), true, true), (nil, nil, false),
      (.int(0), nil, true), (.string("6"), nil, true),
    ] as [(JSON?, Bool?, Bool)])
  func pageMismatch(expected: JSON?, isMismatch: Bool?, fails: Bool) throws {
    let result = try Self.fetched(
      Self.page("<a href=1.pdf>1</a><a href=2.pdf>2</a>"),
      ["/1.pdf": Self.one, "/2.pdf": Self.two],
      fields: ["num_pages": expected]
    ) { $0.pageMismatch = fails ? .fail : .warn }
    guard fails, isMismatch == true else {
      #expect(try result.get()["fetch"]?["page_count_mismatch"] == isMismatch.map(JSON.bool))
      return
    }
    let error = #expect(throws: RecordError.self) { try result.get() }
    #expect(error?.message.contains("3 pages came, and the index says 6") == true)
    #expect(error?.isRetryable == false)
  }

  private static func locked(_ password: String) throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    let source = try directory.write(two, to: "plain.pdf")
    let qpdf = Process()
    qpdf.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    qpdf.arguments = [
      "qpdf", "--encrypt", password, "owner", "256", "--", source, directory.path + "/x.pdf",
    ]
    try qpdf.run()
    qpdf.waitUntilExit()
    return Array(try Data(contentsOf: URL(fileURLWithPath: directory.path + "/x.pdf")))
  }

  @Test("What opens without a password is merged, whatever its owner forbids") func ownerPassword()
    throws
  {
    let record = try Self.fetched(
      Self.page("<a href=1.pdf>1</a><a href=2.pdf>2</a>"),
      ["/1.pdf": Self.one, "/2.pdf": try Self.locked("")]
    ).get()
    #expect(record["fetch"]?["pages"] == .int(3))
    #expect(record["fetch"]?["encrypted"] == nil)
  }

  @Test("What opens only with a password is stored, and said to be so") func userPassword() throws {
    let locked = try Self.locked("secret")
    let record = try Self.fetched(Self.page("<a href=1.pdf>1</a>"), ["/1.pdf": locked]).get()
    #expect(record["fetch"]?["encrypted"] == .bool(true))
    #expect(record["fetch"]?["bytes"] == .int(locked.count))
    #expect(record["fetch"]?["pages"] == nil)
    let error = #expect(throws: RecordError.self) {
      try Self.fetched(
        Self.page("<a href=1.pdf>1</a><a href=2.pdf>2</a>"), ["/1.pdf": locked, "/2.pdf": Self.one]
      ).get()
    }
    #expect(error?.message.contains("only with a password") == true)
  }

  @Test(
    "A look-up without an image is final only where it was read whole",
    arguments: [
      Named("whole", ("<p>none", ErrorClass.absent)),
      Named("too large", ("<p>none" + String(repeating: " ", count: 33 << 20), .portalError)),
      Named("too deep", ("<p>none" + String(repeating: "<i>", count: 11_000), .portalError)),
    ])
  func nothingFound(given: Named<(String, ErrorClass)>) throws {
    let page = Self.page(given.value.0)
    let error = #expect(throws: RecordError.self) { try Self.fetched(page, [:]).get() }
    #expect(error?.kind == given.value.1)
  }

  @Test("A look-up that ends with its connection has to have an end") func cutPage() throws {
    let cut = ScanTests.answer(Array("<form></form><p>no".utf8), hasLength: false)
    #expect(throws: RecordError.self) { try Self.fetched(cut, [:]).get() }
    let whole = ScanTests.answer(Array("<form></form><p>none</body>".utf8), hasLength: false)
    let error = #expect(throws: RecordError.self) { try Self.fetched(whole, [:]).get() }
    #expect(error?.kind == .absent)
  }

  @Test("A frame around the look-up is entered, a frame beside an answer is not") func frames()
    throws
  {
    let page = Array("<frameset><frame src='/inner.html'></frameset>".utf8)
    let inner = Array(
      "<html><form></form><a href='/1.pdf'>1</a><iframe src='/ad.pdf'></iframe></html>".utf8)
    let record = try Self.fetched(
      ScanTests.answer(page), ["/inner.html": inner, "/1.pdf": Self.one]
    ).get()
    #expect(record["fetch"]?["pages"] == .int(1))
    let error = #expect(throws: RecordError.self) {
      try Self.fetched(Self.page("<iframe src='/1.pdf'></iframe>"), ["/1.pdf": Self.one]).get()
    }
    #expect(error?.kind == .absent)
  }

  @Test("<base> does not lead to hosts that the portal file does not name") func base() throws {
    let page = Self.page("<base href='http://localhost:1/'><a href=1.pdf>1</a>")
    let error = #expect(throws: RecordError.self) {
      try Self.fetched(page, ["/1.pdf": Self.one]).get()
    }
    #expect(error?.kind == .blockedURL)
  }
}
