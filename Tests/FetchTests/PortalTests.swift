import Common
import Support
import Testing
import HTTP

@testable import fetch

@Suite struct PortalTests {
  private static let text = """
    books: 238-3971
    lookup:
      path: search/lookup.php
      parameters: {grantor: "", book: "", bpage: "", instrument: "", do_search: Submit Query}
      ways:
        - instrument: "{instrument_number}"
        - book: "{book}"
          bpage: "{page}"
      answer: //form
      images: //a[contains(@href, 'image=')]/@href
      read:
        actual_book: {xpath: "//td[starts-with(normalize-space(.), 'Book:')]", pattern: 'Book:\\s*(\\d+)'}
        actual_page: {xpath: "//td[starts-with(normalize-space(.), 'Page:')]", pattern: 'Page:\\s*(\\d+)'}
    """

  private func portal(_ text: String = text, base: String? = "http://portal/x") throws -> Portal {
    let directory = try TemporaryDirectory()
    try directory.write(text, to: "mid.yaml")
    return try Portal(named: "mid", in: directory.path, base: base)
  }

  private func record(_ line: String) throws -> DocumentRecord {
    try DocumentRecord(JSON(parsing: line))
  }

  @Test(arguments: [
    (
      #"{"id":"1","instrument_number":62379,"book":285,"page":55}"#,
      "grantor=&book=&bpage=&instrument=62379&do_search=Submit%20Query"
    ),
    (
      #"{"id":"1","instrument_number":null,"book":285,"page":55}"#,
      "grantor=&book=285&bpage=55&instrument=&do_search=Submit%20Query"
    ),
    (#"{"id":"1","instrument_number":"a b&c","book":285}"#, nil),
    (#"{"id":"1","book":285}"#, nil),
  ])
  func looksUpByTheBestNameThereIs(line: String, query: String?) throws {
    guard let record = try? record(line) else {
      #expect(query == nil)
      return
    }
    guard let query else {
      #expect(throws: RecordError.self) { try portal().plan(for: record) }
      return
    }
    let plan = try portal().plan(for: record)
    #expect(try plan.url.description == "http://portal/x/search/lookup.php?" + query)
    // By which it is known: without what is empty.
    let fields = query.split(separator: "&").filter { !$0.hasSuffix("=") }
    #expect(plan.identity == "mid: search/lookup.php?" + fields.joined(separator: "&"))
  }

  @Test func routesByBook() throws {
    let mid = try portal()
    #expect(try Portal.route(record(#"{"id":"1","book":238}"#), among: [mid]).name == "mid")
    #expect(throws: RecordError.self) {
      try Portal.route(record(#"{"id":"1","book":237}"#), among: [mid])
    }
    let direct = try Portal.route(record(#"{"id":"1","url":"http://x/a.pdf"}"#), among: [mid])
    #expect(direct.name == "")
    #expect(try direct.plan(for: record(#"{"id":"1","url":"http://x/a.pdf"}"#)).url.host == "x")
  }

  @Test(arguments: [
    "file:///etc/passwd", "gopher://x/", "ftp://x/", "x.pdf", "//x/y", "http://", "",
    "http://x\u{1}/",
    "javascript:1", "http://" + String(repeating: "a", count: 9000),
  ])
  func refusesURLs(url: String) throws {
    let record = DocumentRecord(id: "1", fields: ["url": .string(url)])
    let error = #expect(throws: RecordError.self) { _ = try Portal.direct.plan(for: record).url }
    #expect(error?.kind == .blockedURL)
  }

  @Test(arguments: [
    ("bookz: 1-2", "bookz"), ("books: 5-2", "books"), ("lookup: {path: a}", "lookup.queries"),
    ("lookup: {path: a, ways: [{x: '{y}'}], images: '//['}", "images"),
    ("books: 1-2", "document"), ("document: '{a'", "document"), ("base: ftp://x", "base"),
    ("[1, 2", "YAML"), ("hosts: {a: b}", "hosts"),
    ("budget: 'a b'", "budget"), ("budget: ''", "budget"),
  ])
  func saysWhatIsWrongWithAPortalFile(text: String, named: String) throws {
    let error = #expect(throws: Fatal.self) { try portal(text, base: nil) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains(named) == true)
    #expect(error?.message.contains("mid.yaml") == true)
  }

  @Test func namesOneMachineForAllItsHosts() throws {
    let text = """
      budget: Tools.example.org.
      hosts: [files.example.org, 10.0.0.1:8443]
      document: '{id}.pdf'
      """
    var settings = FetchSettings()
    settings.portals = [
      try portal(text, base: "https://search.example.org/"),
      try portal("document: '{id}.pdf'", base: "https://other.example.org/"),
    ]
    let name = "tools.example.org"
    #expect(
      settings.budgets == [
        "search.example.org": name, "files.example.org": name, "10.0.0.1:8443": name,
      ])
  }

  @Test func wantsToKnowThePortalsAddress() throws {
    let error = #expect(throws: Fatal.self) { try portal(base: nil) }
    #expect(error?.message.contains("--portal-base") == true)
  }

  private func answer(_ html: String) throws -> StepAnswer {
    let portal = try portal()
    let step = try #require(portal.steps.first)
    let directory = try TemporaryDirectory()
    let body = PageBody(path: directory.path + "/page")
    try #require(Array(html.utf8).withUnsafeBytes { body.append($0) } == nil)
    let url = try #require(WebURL("http://portal/x/search/lookup.php"))
    let findings = try PageFindings(body, for: .init(portal: portal, step: step, url: url))
    if let meaning = findings.pageClass { throw RecordError(meaning, "") }
    guard let answer = findings.answer else { throw RecordError(.portalError, "empty") }
    _ = try StepOutcome(answer, step, LinkRule(hosts: []))
    return answer
  }

  @Test func readsASloppyPage() throws {
    let page = """
      <HTML><body><FORM action=lookup.php><h2>Grantor: A <br>Grantee: B</H2><table>
      <TR><td>Type: W<td> Book:&nbsp;285 </td><TD>
        Page:  55<td>Section: </table>
      <p><a href="pdf.php?image=12">Download Image 1</a><A HREF='pdf.php?image=9&amp;x=1'>2</a>
      <a href="other.php">no</a>
      """
    let answer = try answer(page.replacing("&nbsp;", with: " "))
    #expect(answer.values["images"] == ["pdf.php?image=12", "pdf.php?image=9&x=1"])
    #expect(answer.values["actual_book"] == ["285"])
    #expect(answer.values["actual_page"] == ["55"])
  }

  @Test(arguments: [
    ("<form></form><p>No records", ErrorClass.absent), ("<h1>Sign in", .portalError),
    ("", .portalError), ("\0\0\0", .portalError), ("just text", .portalError),
  ])
  func knowsWhatIsNoAnswer(page: String, kind: ErrorClass) throws {
    let error = #expect(throws: RecordError.self) { try answer(page) }
    #expect(error?.kind == kind)
  }

  @Test func survivesDeepPages() throws {
    let deep = String(repeating: "<div>", count: 200_000)
    #expect(throws: RecordError.self) { try answer(deep) }
  }
}
