import Common
import Foundation
import Glibc
import HTTP
import Support
import Testing

@testable import fetch

/// Portals with steps, against a real server that answers to order.
@Suite("Steps on the way to a document") struct StepTests {
  static let one = PDFBuilder.scan(pages: 1, padding: 500)
  static let two = PDFBuilder.scan(pages: 2, padding: 700)

  static func page(_ markup: String, _ fields: [String] = []) -> [ScriptedServer.Step] {
    ScanTests.answer(Array("<html>\(markup)</html>".utf8), ["Content-Type: text/html"] + fields)
  }

  static func json(_ text: String) -> [ScriptedServer.Step] {
    ScanTests.answer(Array(text.utf8), ["Content-Type: application/json"])
  }

  static func status(_ line: String, _ text: String = "no") -> [ScriptedServer.Step] {
    [BadServerTests.whole(line, text)]
  }

  struct Outcome {
    let result: Result<DocumentRecord, RecordError>
    let requests: [String]
    var targets: [String] {
      requests.map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
    }
    var fetch: JSON? { try? result.get()["fetch"] }
    var error: RecordError? { if case .failure(let error) = result { error } else { nil } }
  }

  /// Fetches one document by a portal file, from a server that answers each target.
  static func fetched(
    _ file: String, fields: [String: JSON?] = ["instrument_number": .int(7), "book": .int(285)],
    secrets: Portal.SecretSource = { name, _ in Secret("\(name)-is-very-secret") },
    times: Int = 1, change: (inout FetchSettings) -> Void = { _ in },
    answer:
      @escaping @Sendable (_ target: String, _ head: String, _ number: Int)
      -> [ScriptedServer.Step]
  ) throws -> Outcome {
    let server = try ScriptedServer { head, number in
      answer(String(head.split(separator: " ").prefix(2).joined(separator: " ")), head, number)
    }
    let directory = try TemporaryDirectory()
    let path = try directory.write("base: \(server.url)\n" + file, to: "p.yaml")
    let portal = try Portal(path: path, base: nil, secrets: secrets)
    let run = try FetchRun { settings in
      settings.portals = [portal]
      change(&settings)
    }
    var fetcher = try run.fetcher()
    var result = Result<DocumentRecord, RecordError>.failure(RecordError(.internal, ""))
    for id in 1...times {
      result = try run.fetch(id: "\(id)", fields: fields, by: &fetcher)
    }
    return Outcome(result: result, requests: server.requests)
  }

  private static let form = """
    steps:
      - get: search.aspx
        read:
          state: {xpath: "//input[@name='__VIEWSTATE']/@value"}
      - post: search.aspx
        form: {__VIEWSTATE: "{state}", txtInstrument: "{instrument_number}", btnGo: Search}
        answer: "//table[@id='results']"
        absent: "//text()[contains(., 'No records')]"
        read:
          image: {xpath: "//a[contains(@href,'image=')]/@href", all: true}
          actual_book: {xpath: "//td", pattern: 'Book: (\\d+)'}
      - get: "{image}"
    """

  private static let state = page("<form><input name=__VIEWSTATE value='a b+&='></form>")

  @Test("A form with a token by POST, with its session, and the images behind it") func aForm()
    throws
  {
    let outcome = try Self.fetched(Self.form) { target, head, _ in
      switch target {
      case "GET /search.aspx":
        Self.page("<input name=__VIEWSTATE value='a b+&='>", ["Set-Cookie: s=1"])
      case "POST /search.aspx":
        Self.page(
          "<table id=results><td>Book: 471</td></table><a href='i?image=1'></a><a href='i?image=2'></a>"
        )
      case "GET /i?image=1": ScanTests.answer(Self.one)
      case "GET /i?image=2": ScanTests.answer(Self.two)
      default: Self.status("500 X")
      }
    }
    #expect(outcome.fetch?["pages"] == .int(3))
    #expect(outcome.fetch?["actual_book"] == .int(471))
    #expect(outcome.fetch?["book_page_mismatch"] == .bool(true))
    #expect(
      outcome.targets == [
        "GET /search.aspx", "POST /search.aspx", "GET /i?image=1", "GET /i?image=2",
      ])
    let post = outcome.requests[1]
    #expect(post.contains("Content-Type: application/x-www-form-urlencoded\r\n"))
    #expect(post.hasSuffix("\r\n\r\n__VIEWSTATE=a%20b%2B%26%3D&txtInstrument=7&btnGo=Search"))
    #expect(post.contains("Cookie: s=1\r\n"))
    #expect(post.contains("/search.aspx\r\n"), "the page before is the Referer")
  }

  @Test(
    "What a page without images means",
    arguments: [
      ("<table id=results></table>No records found", ErrorClass.absent, false),
      ("<table id=results></table>", .portalError, true),
      ("<h1>Session expired</h1>", .portalError, true), ("", .portalError, true),
    ])
  func nothingFound(page: String, kind: ErrorClass, isRetryable: Bool) throws {
    let outcome = try Self.fetched(Self.form) { target, _, _ in
      target.hasPrefix("GET") ? Self.state : Self.page(page)
    }
    #expect(outcome.error?.kind == kind)
    #expect(outcome.error?.isRetryable == isRetryable)
  }

  @Test("A value that the way goes on with and that is missing is named, and no absence")
  func missing()
    throws
  {
    let outcome = try Self.fetched(Self.form) { _, _, _ in Self.page("<form></form>") }
    #expect(outcome.error?.kind == .portalError)
    #expect(outcome.error?.message.contains("\"state\"") == true)
    #expect(outcome.targets == ["GET /search.aspx"])
  }

  @Test("Hidden fields of a form are filled in, and what the file says comes before")
  func formFrom()
    throws
  {
    let outcome = try Self.fetched(
      """
      steps:
        - get: start
        - form_from: "//form[@id='s']"
          form: {number: "{instrument_number}", go: Search}
          read: {image: {xpath: "//a/@href"}}
        - get: "{image}"
      """
    ) { target, head, _ in
      switch target {
      case "GET /start":
        Self.page(
          """
          <form></form><form id=s method=POST action='/find?x=1'><input type=hidden name=token value='t&1'>
          <input name=number value=old><input type=submit name=other value=1>
          <input type=checkbox name=c checked><input type=checkbox name=d>
          <select name=e><option value=1>a<option value=2 selected>b</select>
          <textarea name=f>x</textarea></form>
          """)
      case "POST /find?x=1": Self.page("<a href=a.pdf>")
      default: ScanTests.answer(Self.one)
      }
    }
    #expect(outcome.fetch?["pages"] == .int(1))
    #expect(outcome.targets == ["GET /start", "POST /find?x=1", "GET /a.pdf"])
    #expect(outcome.requests[1].hasSuffix("token=t%261&c=on&e=2&f=x&number=7&go=Search"))
  }

  private static let api = """
    steps:
      - get: v1/documents
        queries: [{instrument: "{instrument_number}"}, {book: "{book}", page: "{page}"}]
        answer: /results
        read:
          document: {json: /results/*/id, all: true}
          actual_page: {json: /results/0/page}
        next: /next
      - get: v1/documents/{document}/pages
        read: {file: {json: /pages/*/file, all: true}}
      - get: "{file}"
    """

  @Test("A JSON API: lists, the next page of results, a request for each") func anAPI() throws {
    let outcome = try Self.fetched(Self.api) { target, _, _ in
      switch target {
      case "GET /v1/documents?instrument=7":
        Self.json(#"{"results":[{"id":"D 1","page":55}],"next":"?offset=1"}"#)
      case "GET /v1/documents?offset=1": Self.json(#"{"results":[{"id":12}],"next":null}"#)
      case "GET /v1/documents/D%201/pages":
        Self.json(#"{"pages":[{"file":"/f/1.pdf"},{"file":"/f/2.pdf"}]}"#)
      case "GET /v1/documents/12/pages": Self.json(#"{"pages":[{"file":"3.pdf"}]}"#)
      default: ScanTests.answer(Self.one)
      }
    }
    #expect(outcome.fetch?["images"] == .int(3))
    #expect(outcome.fetch?["actual_page"] == .int(55))
    #expect(
      outcome.targets.suffix(3) == ["GET /f/1.pdf", "GET /f/2.pdf", "GET /v1/documents/12/3.pdf"])
  }

  @Test(
    "JSON that says nothing is known for what it is",
    arguments: [
      (#"{"results":[],"next":null}"#, ErrorClass.absent), (#"{"error":"x"}"#, .portalError),
      ("<html>maintenance</html>", .portalError), ("[", .portalError), ("{}", .portalError),
    ])
  func emptyJSON(text: String, kind: ErrorClass) throws {
    let outcome = try Self.fetched(Self.api) { _, _, _ in Self.json(text) }
    #expect(outcome.error?.kind == kind, "\(outcome.error?.message ?? "")")
  }

  @Test("Numbers count up until the portal has no more") func numbers() throws {
    let outcome = try Self.fetched(
      "steps: [{get: '{book|pad:4}/{number}.pdf'}]"
    ) { target, _, _ in
      target == "GET /0285/3.pdf" ? Self.status("404 Not Found") : ScanTests.answer(Self.one)
    }
    #expect(outcome.fetch?["images"] == .int(2))
    #expect(outcome.targets == ["GET /0285/1.pdf", "GET /0285/2.pdf", "GET /0285/3.pdf"])
    let none = try Self.fetched("steps: [{get: '{number}.pdf'}]") { _, _, _ in
      Self.status("404 Not Found")
    }
    #expect(none.error?.kind == .absent)
    let endless = try Self.fetched("steps: [{get: '{number}.pdf', max: 3}]") { _, _, _ in
      ScanTests.answer(Self.one)
    }
    #expect(endless.error?.kind == .portalError)
    #expect(endless.requests.count == 3)
  }

  @Test("Images that the file accepts become one PDF, and others are refused") func images() throws
  {
    let file = "steps: [{get: '{number}.tif', accept: [pdf, tiff]}]"
    let outcome = try Self.fetched(file) { target, _, _ in
      switch target {
      case "GET /1.tif", "GET /3.tif": ScanTests.answer(CombinedPagesTests.tiff)
      case "GET /2.tif": ScanTests.answer(Self.two)
      default: Self.status("404 Not Found")
      }
    }
    #expect(outcome.fetch?["images"] == .int(3))
    #expect(outcome.fetch?["pages"] == .int(4))
    #expect(outcome.fetch?["content_type"] == .string("image/tiff"))
    let refused = try Self.fetched(file.replacing("[pdf, tiff]", with: "[pdf, png]")) { _, _, _ in
      ScanTests.answer(CombinedPagesTests.tiff)
    }
    #expect(refused.error?.kind == .notPDF)
    let cut = try Self.fetched("steps: [{get: a.tif, accept: [tiff]}]") { _, _, _ in
      ScanTests.answer(Array(CombinedPagesTests.tiff.dropLast(30)))
    }
    #expect(cut.error?.kind == .badPDF)
    #expect(cut.error?.isRetryable == true)
  }

  @Test("A log-in is made once a session, and again where the portal says that it is over")
  func aLogin()
    throws
  {
    let file = """
      pages: {restricted: 'please log in'}
      login:
        - post: signin
          form: {user: reader, password: "{secret:PORTAL_PASSWORD}"}
          answer: "//a[@href='logout']"
      steps:
        - get: search
          query: {n: "{instrument_number}"}
          answer: //table
          read: {image: {xpath: "//table//a/@href"}}
        - get: "{image}"
      """
    let outcome = try Self.fetched(file, times: 3) { target, head, number in
      switch target {
      case "POST /signin": Self.page("<a href=logout>", ["Set-Cookie: sid=\(number)"])
      case "GET /search?n=7":
        // The session of the first log-in ends after one document.
        head.contains("sid=1\r\n") && number > 4
          ? Self.page("<h1>Please log in</h1>") : Self.page("<table><a href=a.pdf></table>")
      default: ScanTests.answer(Self.one)
      }
    }
    #expect(outcome.fetch?["pages"] == .int(1))
    #expect(
      outcome.targets == [
        "POST /signin", "GET /search?n=7", "GET /a.pdf", "GET /search?n=7", "GET /a.pdf",
        "GET /search?n=7", "POST /signin", "GET /search?n=7", "GET /a.pdf",
      ] || outcome.targets.filter { $0 == "POST /signin" }.count == 2, "\(outcome.targets)")
  }

  @Test("What a log-in read is there for all documents of its session") func aToken() throws {
    let file = """
      login:
        - post: token
          json: {user: reader, secret: "{secret:API_SECRET}"}
          read: {token: {json: /token}}
      steps:
        - get: d/{instrument_number}
          headers: {Authorization: "Bearer {token}"}
          read: {file: {json: /file}}
        - get: "{file}"
      """
    let outcome = try Self.fetched(file, times: 2) { target, head, _ in
      switch target {
      case "POST /token":
        head.hasSuffix(#"{"user":"reader","secret":"API_SECRET-is-very-secret"}"#)
          ? Self.json(#"{"token":"abc"}"#) : Self.status("400 X")
      case "GET /d/7":
        head.contains("Authorization: Bearer abc\r\n")
          ? Self.json(#"{"file":"/x.pdf"}"#) : Self.status("401 X")
      default: ScanTests.answer(Self.one)
      }
    }
    #expect(outcome.fetch?["pages"] == .int(1))
    #expect(
      outcome.targets == ["POST /token", "GET /d/7", "GET /x.pdf", "GET /d/7", "GET /x.pdf"])
  }

  @Test("A log-in that is refused ends the run at once, and tells no secret") func aWrongPassword()
    throws
  {
    let file = """
      login: [{post: signin, form: {password: "{secret:PORTAL_PASSWORD}"}, answer: "//a"}]
      document: x.pdf
      """
    let error = #expect(throws: Fatal.self) {
      try Self.fetched(file) { _, _, _ in
        Self.page("<p>PORTAL_PASSWORD-is-very-secret is wrong</p>")
      }
    }
    #expect(error?.code == .permission)
    #expect(error?.message.contains("very-secret") == false, "\(error?.message ?? "")")
  }

  @Test("Statuses and pages mean what the file says") func meanings() throws {
    let file = """
      pages: {absent: [410, 'gone for good']}
      steps:
        - get: find
          pages: {absent: [404, 422]}
          read: {image: {xpath: //a/@href}}
        - get: "{image}"
      """
    // The page with the search is gone, whatever words it has: that is no document's fault.
    let end = #expect(throws: Fatal.self) {
      try Self.fetched(
        file.replacing("404, 422", with: "422"),
        change: { $0.outages = OutagePolicy(firstDistance: 0, limit: 0) }
      ) { _, _, _ in
        Self.status("404 Not Found", "<p>The page is gone for good</p>")
      }
    }
    #expect(end?.code == .unavailable)
    for (line, text) in [
      ("404 Not Found", "x"), ("422 X", "x"), ("410 X", "x"),
      ("500 X", "<p>It is gone for good</p>"),
    ] {
      let outcome = try Self.fetched(file) { _, _, _ in Self.status(line, text) }
      #expect(outcome.error?.kind == .absent, "\(line)")
      #expect(outcome.requests.count == 1)
    }
  }

  @Test(
    "A page leads to no other host, whatever it says",
    arguments: [
      "http://127.0.0.1:1/x.pdf", "//evil.example/x.pdf", "http://169.254.169.254/",
      "file:///etc/passwd",
      "http://user:pass@127.0.0.1/",
    ])
  func otherHosts(link: String) throws {
    let file = "steps: [{get: a, read: {image: {xpath: //a/@href, all: true}}}, {get: '{image}'}]"
    let outcome = try Self.fetched(file) { _, _, _ in Self.page("<a href='\(link)'></a>") }
    #expect(outcome.error?.kind == .blockedURL)
    #expect(outcome.requests.count == 1)
    let filled = try Self.fetched(
      "steps: [{get: a, read: {id: {xpath: //a/@href}}}, {get: 'd/{id}'}]"
    ) { target, _, _ in
      target == "GET /a" ? Self.page("<a href='\(link)'></a>") : ScanTests.answer(Self.one)
    }
    #expect(filled.requests.count == 2, "it is one segment of the path")
    #expect(filled.requests.last?.hasPrefix("GET /d/") == true)
  }

  @Test("A list that does not end, and pages that lead on for ever, are bounded") func bounds()
    throws
  {
    let many = (1...600).map { "<a href='\($0).pdf'></a>" }.joined()
    let file = "steps: [{get: a, read: {image: {xpath: //a/@href, all: true}}}, {get: '{image}'}]"
    let outcome = try Self.fetched(file) { _, _, _ in Self.page(many) }
    #expect(outcome.error?.message.contains("500") == true)
    #expect(outcome.requests.count == 1)
    let next = """
      steps:
        - get: a
          read: {image: {xpath: //a/@href, all: true}}
          next: //b/@href
          max: 4
        - get: "{image}"
      """
    let endless = try Self.fetched(next) { _, _, number in
      Self.page("<a href='\(number).pdf'></a><b href='a?p=\(number)'></b>")
    }
    #expect(endless.error?.kind == .portalError)
    #expect(endless.requests.count == 4)
    let circle = try Self.fetched(next) { target, _, _ in
      target.contains(".pdf")
        ? ScanTests.answer(Self.one) : Self.page("<a href='1.pdf'></a><b href='a'></b>")
    }
    #expect(circle.fetch?["images"] == .int(1))
    #expect(circle.requests.count == 2)
  }

  @Test("Cookies of one document are not sent for the next, but those of a worker are")
  func sessions()
    throws
  {
    for (session, expected) in [("true", false), ("worker", true)] {
      let file = "session: \(session)\nsteps: [{get: a, headers: {X-Book: '{book}'}}, {get: b.pdf}]"
      let outcome = try Self.fetched(file, times: 2) { target, _, number in
        target == "GET /a"
          ? Self.page("x", ["Set-Cookie: n=\(number)"]) : ScanTests.answer(Self.one)
      }
      #expect(outcome.requests.count == 4)
      #expect(outcome.requests[1].contains("Cookie: n=1\r\n"))
      #expect(outcome.requests[2].contains("Cookie:") == expected)
      #expect(outcome.requests[0].contains("X-Book: 285\r\n"))
    }
  }

  @Test("A redirect after POST is followed with GET, and 307 with the body") func redirects() throws
  {
    for (status, method) in [("303 See Other", "GET"), ("302 Found", "GET"), ("307 X", "POST")] {
      let file = "steps: [{post: a, json: {n: '{instrument_number}', all: true}}, {get: b.pdf}]"
      let outcome = try Self.fetched(file) { target, _, _ in
        switch target {
        case "POST /a": [.send("HTTP/1.1 \(status)\r\nLocation: /c\r\nContent-Length: 0\r\n\r\n")]
        case "GET /b.pdf": ScanTests.answer(Self.one)
        default: Self.page("x")
        }
      }
      #expect(outcome.targets == ["POST /a", "\(method) /c", "GET /b.pdf"])
      #expect(outcome.requests[0].contains("Content-Type: application/json\r\n"))
      #expect(outcome.requests[0].hasSuffix(#"{"n":7,"all":true}"#))
    }
  }

  @Test("The document itself may be the answer to a look-up") func straightAway() throws {
    let outcome = try Self.fetched(Self.api) { _, _, _ in ScanTests.answer(Self.two) }
    #expect(outcome.fetch?["pages"] == .int(2))
    #expect(outcome.requests.count == 1)
  }

  @Test(
    "A file that cannot work is refused, and names what is wrong",
    arguments: [
      ("steps: [{get: a}, {get: '{image}', read: {x: {xpath: //a}}}]", "last"),
      (
        "steps: [{get: '{image}'}, {get: b, read: {image: {xpath: //a}}}, {get: c}]",
        "which step 2 reads"
      ),
      ("steps: [{get: a, read: {image: {xpath: //a}}}, {get: '{imag}'}]", "{image}"),
      ("steps: [{get: a, read: {image: {xpath: '//['}}}, {get: b}]", "steps[1].read.image.xpath"),
      ("steps: [{get: a, post: b}]", "get, post and form_from"),
      ("steps: [{get: 'http://{book}/x'}]", "host"), ("steps: [{get: '//{book}/x'}]", "host"),
      ("steps: [{get: a, read: {i: {json: 'x'}}}, {get: b}]", "JSON Pointer"),
      ("steps: [{get: a, accept: [gif]}]", "tiff"),
      ("steps: [{get: a, accept: [tiff]}, {get: b}]", "accept"),
      ("steps: [{get: a, headers: {Host: x}}]", "Host"),
      ("steps: [{get: a, form: {x: y}}]", "post"),
      ("steps: [{form_from: //form}]", "no page before"), ("steps: [{get: a, max: 3}]", "max"),
      ("steps: [{get: a, next: //a, max: 501}, {get: b}]", "500"), ("steps: [{git: a}]", "get"),
      ("steps: [{get: a}]\ndocument: x", "one of document"),
      ("session: maybe\ndocument: x", "session"),
      ("login: [{get: '{book}'}]\ndocument: x", "log-in knows no record"),
      ("steps: [{get: a, read: {i: {xpath: //a, json: /b}}}, {get: b}]", "xpath, json"),
      ("steps: [{get: a, read: {i: {pattern: '('}}}, {get: b}]", "pattern"),
      ("pages: {absent: ['(']}\ndocument: x", "absent"),
      ("charset: nonsense\ndocument: x", "charset"),
      ("steps: [{get: '{bok}/x'}]", "{book}"), ("steps: [{post: a, json: {x: '{'}}]", "json"),
      ("steps: [" + (1...11).map { "{get: a\($0)}" }.joined(separator: ",") + "]", "more than 10"),
    ])
  func refused(file: String, named: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("base: http://h/\n" + file, to: "p.yaml")
    let error = #expect(throws: Fatal.self) { try Portal(path: path, base: nil) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains(named) == true, "\(error?.message ?? "")")
  }

  @Test("A secret comes from a file that is its owner's alone, or not at all") func secretFiles()
    throws
  {
    let directory = try TemporaryDirectory()
    let path = try directory.write("hunter-2-hunter\n", to: "secret")
    setenv("STEP_TESTS_SECRET_FILE", path, 1)
    defer { unsetenv("STEP_TESTS_SECRET_FILE") }
    chmod(path, 0o644)
    let open = #expect(throws: Fatal.self) { try PortalSecrets.find("STEP_TESTS_SECRET", "p") }
    #expect(open?.message.contains("chmod 600") == true)
    chmod(path, 0o640)
    #expect(throws: Fatal.self) { try PortalSecrets.find("STEP_TESTS_SECRET", "p") }
    chmod(path, 0o600)
    #expect(try PortalSecrets.find("STEP_TESTS_SECRET", "p").reveal() == "hunter-2-hunter")
    let none = #expect(throws: Fatal.self) { try PortalSecrets.find("STEP_TESTS_NO_SECRET", "p") }
    #expect(none?.message.contains("STEP_TESTS_NO_SECRET_FILE") == true)
  }
}
