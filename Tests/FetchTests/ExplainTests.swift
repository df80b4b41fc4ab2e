import Common
import Foundation
import Limiter
import Support
import Testing

@testable import fetch

/// What `fetch explain` says of portal files that do not fit their site.
@Suite("Explaining a portal file") struct ExplainTests {
  /// A site: a form with two tokens, an answer, an API.
  private static func site(_ target: String, _ head: String) -> [ScriptedServer.Step] {
    switch target {
    case "GET /search":
      StepTests.page(
        """
        <title>Search</title>
        <form method=post action=search>
        <input type=hidden name=__VIEWSTATE value=v1><input type=hidden name=__EVENTVALIDATION value=e1>
        <input name=txtInstrument></form>
        """)
    case "POST /search":
      head.contains("__EVENTVALIDATION=e1") && head.contains("__VIEWSTATE=v1")
        && head.contains("txtInstrument=7")
        ? StepTests.page(
          """
          <title>Results</title><h2>GRANTOR: DOE</h2>
          <table id=results>
          <tr><td>Book: 471</td></tr></table>
          <a href='show.php?image=12'>Image</a>
          """, ["X-Pages: 3"])
        : head.contains("__EVENTVALIDATION")
          ? StepTests.page("<h1>Enter a number</h1>")
          : StepTests.status("500 Server Error", "<h1>Validation of viewstate MAC failed</h1>")
    case "GET /show.php?image=12", "GET /f/1.pdf": ScanTests.answer(StepTests.one)
    case "GET /api?n=7": StepTests.json(#"{"results":[{"id":5,"file":"/f/1.pdf"}],"total":1}"#)
    case "GET /accents":
      ScanTests.answer(
        Array("<html><h1>B".utf8) + [0xFC] + Array("cher</h1></html>".utf8),
        ["Content-Type: text/html"])
    case "GET /away": StepTests.page("<a href='http://elsewhere.example/x.pdf'>Image</a>")
    case "POST /signin": StepTests.page("<title>Sign in</title><p>The password is wrong.</p>")
    default: StepTests.status("404 Not Found", "<h1>Not here</h1>")
    }
  }

  private static func steps(
    state: String = "__VIEWSTATE",
    validation: String = "validation: {xpath: \"//input[@name='__EVENTVALIDATION']/@value\"}",
    form: String =
      "{__VIEWSTATE: '{state}', __EVENTVALIDATION: '{validation}', txtInstrument: '{instrument_number}'}",
    answer: String = "//table[@id='results']",
    read: String = "image: {xpath: \"//a[contains(@href,'image=')]/@href\", all: true}"
  ) -> String {
    """
    steps:
      - get: search
        read:
          state: {xpath: "//input[@name='\(state)']/@value"}
          \(validation)
      - post: search
        form: \(form)
        answer: "\(answer)"
        read:
          \(read)
      - get: "{image}"
    """
  }

  private static func explanation(_ file: String, base: String) throws -> Explanation {
    let directory = try TemporaryDirectory()
    let path = try directory.write("base: \(base)\n" + file, to: "p.yaml")
    var settings = FetchSettings()
    settings.portals = [try Portal(path: path, base: nil) { name, _ in Secret("\(name)-secret") }]
    settings.pace = RateLimit(delay: 0)
    settings.inspector = FetchRun.program
    return Explanation(settings: settings, limiter: try Limiter(), stop: ShutdownSignal())
  }

  private static let record = DocumentRecord(
    id: "1", fields: ["instrument_number": .int(7), "book": .int(285), "page": .int(55)])

  private static func explain(
    _ file: String, saveIn folder: String? = nil
  ) throws -> (report: Explanation.Report, text: String, base: String) {
    let server = try ScriptedServer { head, _ in
      site(head.split(separator: " ").prefix(2).joined(separator: " "), head)
    }
    let explanation = try explanation(file, base: server.url)
    let report = try explanation.run(record)
    if let folder { try SavedAnswers.save(report.exchanges, in: folder, explanation.secrets) }
    return (report, report.lines.joined(separator: "\n"), server.url)
  }

  @Test("A file that fits: each step, what it found and where, and the verdict") func good() throws
  {
    let (report, text, _) = try Self.explain(
      Self.steps(
        read: """
          image: {xpath: "//a[contains(@href,'image=')]/@href", all: true}
                actual_book: {xpath: "//td", pattern: 'Book: (\\d+)'}
                pages: {header: X-Pages}
          """))
    #expect(report.isDecided)
    for words in [
      "step 1: GET http://127.0.0.1", "/search", "    __VIEWSTATE=v1",
      "answer: 200, text/html, an HTML page of",
      "title: line 1: \"Search\"", "answer //table[@id='results']: line 2:",
      "\"show.php?image=12\"",
      "actual_book //td Book: (\\d+): line 3: \"471\"", "pages header X-Pages: \"3\"",
      "verdict: accepted",
      "step 3: GET", "a PDF of", "result: fetched, one file, one page",
      "book 471 by the portal's own words, which differs from the record",
    ] { #expect(text.contains(words), "\(words) is not in\n\(text)") }
  }

  /// What is wrong, and what is said of it.
  static let broken: [Named<(file: String, words: [String])>] = [
    Named(
      "a wrong XPath for the links",
      (
        steps(read: "image: {xpath: \"//a[contains(@href,'imag3=')]/@href\", all: true}"),
        [
          "image //a", "found nothing", "//a/@href finds 1", "show.php?image=12",
          "near it is 'image=12'", "line 4",
        ]
      )),
    Named(
      "a wrong name of a token",
      (
        steps(state: "_VIEWSTATE"),
        ["step 1", "near it is '__VIEWSTATE' on line 3", "result: portal_error", "\"state\""]
      )),
    Named(
      "a form that lacks a token",
      (
        steps(form: "{__VIEWSTATE: '{state}', txtInstrument: '{instrument_number}'}"),
        ["not sent: __EVENTVALIDATION, hidden in the form on line 2", "answer: 500", "MAC failed"]
      )),
    Named(
      "a wrong name of a form's field",
      (
        steps(
          form:
            "{__VIEWSTATE: '{state}', __EVENTVALIDATION: '{validation}', txtInstrumnt: '{instrument_number}'}"
        ),
        ["txtInstrumnt=7", "title: line 1: \"Enter a number\"", "answer //table", "found nothing"]
      )),
    Named(
      "an answer in other letters",
      (
        steps(answer: "//h2[contains(., 'Grantor:')]"),
        [
          "answer //h2[contains(., 'Grantor:')]: found nothing", "//h2 finds 1", "\"GRANTOR: DOE\"",
          "near it is 'GRANTOR: DOE'",
        ]
      )),
    Named(
      "a pattern that does not match",
      (
        steps(read: "image: {xpath: //a/@href, pattern: 'img=(\\d+)'}"),
        ["in which the pattern img=(\\d+) matches nothing", "show.php?image=12"]
      )),
    Named(
      "a wrong header field",
      (
        steps(read: "image: {header: X-Page}"),
        ["header X-Page: found nothing", "the answer has the header fields", "X-Pages"]
      )),
    Named(
      "a wrong charset",
      (
        "charset: utf-8\nsteps: [{get: accents, read: {i: {xpath: //a/@href}}}, {get: '{i}'}]",
        ["characters make no sense", "UTF-8", "charset in the portal file"]
      )),
    Named(
      "a wrong JSON Pointer",
      (
        "steps: [{get: 'api?n={instrument_number}', read: {i: {json: /results/*/fil, all: true}}}, {get: '{i}'}]",
        [
          "i /results/*/fil: found nothing",
          "/results/* is an object with id, file, and without fil; near it is file",
        ]
      )),
    Named(
      "JSON where a page comes",
      (
        "steps: [{get: search, answer: /results, read: {i: {json: /results/*/file}}}, {get: '{i}'}]",
        ["no JSON:", "it begins with \"<html><title>Search", "result: portal_error"]
      )),
    Named(
      "a page that is not there",
      (
        "steps: [{get: serch, read: {i: {xpath: //a/@href}}}, {get: '{i}'}]",
        ["step 1: GET", "/serch", "answer: 404", "the look-up page does not exist"]
      )),
    Named(
      "a link that leads to another host",
      (
        "steps: [{get: away, read: {i: {xpath: //a/@href}}}, {get: '{i}'}]",
        ["elsewhere.example:80, which the portal file does not list", "result: blocked_url"]
      )),
    Named(
      "a log-in that is refused",
      (
        "login: [{post: signin, form: {p: '{secret:P_SECRET}'}, answer: \"//a[@href='logout']\"}]\ndocument: x.pdf",
        [
          "log-in step 1: POST", "    p=***", "title: line 1: \"Sign in\"",
          "answer //a[@href='logout']: found nothing",
        ]
      )),
    Named(
      "a method that the site does not have",
      (
        "steps: [{post: api, json: {n: 7}, read: {i: {json: /results}}}, {get: '{i}'}]",
        ["step 1: POST", "{\"n\":7}", "answer: 404"]
      )),
    Named(
      "a form that is not on the page",
      (
        "steps: [{get: search}, {form_from: \"//form[@id='find']\"}, {get: x}]",
        ["form //form[@id='find']: none", "//form finds 1", "the page has no form"]
      )),
  ]

  @Test("A file that does not fit: the step, and what is there instead", arguments: broken)
  func explains(_ test: Named<(file: String, words: [String])>) throws {
    let folder = try TemporaryDirectory()
    let (report, text, base) = try Self.explain(test.value.file, saveIn: folder.path)
    #expect(report.expected["error"] != nil)
    for words in test.value.words { #expect(text.contains(words), "\(words) is not in\n\(text)") }
    #expect(!text.contains("P_SECRET-secret"))
    // The server is gone now.
    let again = try Self.explanation(test.value.file, base: base)
      .run(Self.record, saved: try SavedAnswers(in: folder.path))
    #expect(again.lines == report.lines, "played back it is the same")
    #expect(again.unused == [] && again.differences == [])
    for file in folder.files() {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
      #expect(bytes.range(of: Data("P_SECRET-secret".utf8)) == nil, "\(file)")
    }
  }

  @Test("A saved answer is found for a request whose form has changed, and that is said")
  func changes() throws {
    let folder = try TemporaryDirectory()
    let (_, _, base) = try Self.explain(Self.steps(), saveIn: folder.path)
    let changed = Self.steps().replacing("txtInstrument", with: "txtNumber")
    let report = try Self.explanation(changed, base: base)
      .run(Self.record, saved: try SavedAnswers(in: folder.path))
    #expect(report.differences.first?.contains("txtNumber=7") == true, "\(report.differences)")
    #expect(report.differences.first?.contains("txtInstrument=7") == true)
    let elsewhere = Self.steps().replacing("- get: search", with: "- get: find")
    let error = #expect(throws: Fatal.self) {
      try Self.explanation(elsewhere, base: base).run(
        Self.record, saved: SavedAnswers(in: folder.path))
    }
    #expect(error?.message.contains("GET \(base)/find") == true)
    #expect(error?.message.contains("GET \(base)/search") == true)
  }

  @Test(
    "Two documents side by side: what differs, and whether the file tells them apart",
    arguments: [true, false])
  func probe(tells: Bool) throws {
    let server = try ScriptedServer { head, _ in
      head.hasPrefix("GET /find?n=7 ")
        ? StepTests.page("<p>One record</p><a href=a.pdf>Image</a>")
        : head.hasPrefix("GET /find")
          ? StepTests.page("<p>Nothing by that number</p>")
          : ScanTests.answer(StepTests.one)
    }
    let file = """
      steps:
        - get: find?n={instrument_number}
          \(tells ? "absent: \"//p[contains(., 'Nothing')]\"" : "answer: //b")
          read: {image: {xpath: //a/@href}}
        - get: "{image}"
      """
    let both = try Comparison(try Self.explanation(file, base: server.url), Self.record)
    let text = both.lines.joined(separator: "\n")
    #expect(both.isTold == tells)
    #expect(text.contains("Only on the pages of the first: \"One record\", \"Image\""))
    #expect(text.contains("Only on the pages of the second: \"Nothing by that number\""))
    #expect(server.requests.count == (tells ? 3 : 2))
  }
}
