import Common
import Support
import Testing
import HTTP

@testable import fetch

/// Pages as sloppy, large and hostile servers write them, given to the parser that fetch uses.
@Suite("A page is read whole, or not at all") struct PageTests {
  /// Reads a page as a look-up's answer, by an XPath for its links.
  static func findings(
    _ bytes: [UInt8], images: String = "//a/@href", answer: String? = nil,
    contentType: String? = nil,
    hasEnd: Bool = true, meanings: [(pattern: Pattern, kind: ErrorClass)] = [],
    actualBook: PortalStep.Reading? = nil, isOver: @escaping () -> Bool = { false }
  ) throws -> PageFindings {
    let directory = try TemporaryDirectory()
    let body = PageBody(path: directory.path + "/page")
    // In chunks, as they come from a network.
    for start in stride(from: 0, to: bytes.count, by: 50_000) {
      let chunk = Array(bytes[start..<min(start + 50_000, bytes.count)])
      try #require(chunk.withUnsafeBytes { body.append($0) } == nil)
    }
    #expect(directory.files() == [], "a large page leaves nothing, whatever ends the process")
    let step = Self.step(images: images, answer: answer, actualBook)
    var portal = Portal()
    portal.meanings.patterns = meanings
    return try PageFindings(
      body,
      for: .init(
        portal: portal, step: step, url: try #require(WebURL("http://h/a/page")),
        head: ResponseHead(
          status: 200, headers: contentType.map { [("Content-Type", $0)] } ?? []),
        hasEnd: hasEnd), isOver: isOver)
  }

  /// A look-up's first step.
  static func step(
    images: String, answer: String? = nil, _ more: PortalStep.Reading?...
  ) -> PortalStep {
    var step = PortalStep()
    step.purpose = .page
    step.answer = answer
    step.readings = [
      PortalStep.Reading(
        name: "images", source: .xpath(images), isList: true, isLink: true, isInAddress: true)
    ]
    step.readings += more.compactMap(\.self)
    return step
  }

  /// Where the images are.
  static func links(_ findings: PageFindings, hosts: [String] = []) throws -> [WebURL] {
    let answer = try #require(findings.answer)
    let outcome = try StepOutcome(answer, step(images: "//a"), LinkRule(hosts: hosts))
    return outcome.values["images"]?.urls ?? []
  }

  static func urls(_ page: String, contentType: String? = nil) throws -> [String] {
    let findings = try findings(Array(page.utf8), contentType: contentType)
    return try links(findings, hosts: ["other"]).map(\.description)
  }

  private static let link = "<a href=1.pdf>Image</a>"

  private static func many(_ text: String, _ count: Int) -> String {
    String(repeating: text, count: count)
  }

  private static let whole: [(String, String)] = [
    ("a NUL", "<p>\0</p>\0"), ("a NUL in a tag", "<p cl\0ass=x>"),
    ("300 within each other", many("<div>", 300)),
    ("9,000 within each other", many("<font>", 9000)),
    ("3 MB of text", many("<p>deed</p>", 285_000)),
    ("a view state of 11 MB", "<input value='" + many("x", 11_000_000) + "'>"),
    ("a script of 11 MB", "<script>" + many("x<y;", 2_750_000) + "</script>"),
    ("a comment of 3 MB", "<!--" + many("x", 3_000_000) + "-->"),
  ]

  @Test("What older limits cut off", arguments: whole.map { Named($0.0, $0.1) })
  func isReadToItsEnd(given: Named<String>) throws {
    #expect(try Self.urls(given.value + Self.link) == ["http://h/a/1.pdf"])
  }

  private static let hidden =
    "<script>'<a \"'</script><!-- ' --><p x='>'" + (0..<2000).map { " b\($0)" }.joined() + ">"

  private static let refused: [(String, String)] = [
    ("larger", many("x", PageBody.maximum + 1)),
    ("deep", many("<div>", HTMLPage.maximumDepth + 10)),
    ("elements and attributes", many("<p>x", HTMLPage.maximumNodes + 10)),
    ("attributes", "<p" + (0..<300_000).map { " a\($0)=1" }.joined() + ">"),
    ("attributes", "<p" + many(" a", 1_000_000) + ">"), ("attributes", hidden),
    ("too much text", many("<div>", 5000) + many("x", 1_000_000)),
  ]

  @Test(
    "What is not read says why, and is not absent", arguments: refused.map { Named($0.0, $0.1) })
  func isRefused(given: Named<String>) throws {
    let (reason, page) = (given.name, given.value)
    let began = Time.monotonic()
    let error = #expect(throws: RecordError.self) { try Self.findings(Array(page.utf8)) }
    #expect(error?.kind == .portalError)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    #expect(Double(Time.monotonic() - began) / 1e9 < 20)
  }

  private static let words = many(" x=1 ", 3000)

  private static let tame = [
    "<p a=\"" + words + "\">", "<p a='" + words + "'>", "<script>if (a<b" + words + ")</script>",
    "<style>a<b" + words + "</STYLE >", "<!-- <b" + words + "-->", "1 < 2" + words,
    many("<b a=1 c=2>x</b>", 3000),
  ]

  @Test(
    "Tags with quotes, scripts and comments have no more attributes than they have",
    arguments: tame.map { Named(String($0.prefix(20)), $0) })
  func attributesAreCounted(given: Named<String>) throws {
    #expect(try Self.urls(given.value + Self.link) == ["http://h/a/1.pdf"])
  }

  @Test func anExpressionWithTooManyStepsIsStopped() throws {
    let page = Array(Self.many("<p>x</p>", 30_000).utf8)
    let error = #expect(throws: RecordError.self) {
      try Self.findings(page, images: "//p[count(preceding::p) = count(following::p)]/a/@href")
    }
    #expect(error?.kind == .portalError)
    #expect(error?.message.contains("steps") == true)
    #expect(error?.message.contains("preceding::p") == true)
  }

  @Test func aPatternThatIsStoppedIsNamed() throws {
    let page = Array(("<p>" + Self.many("a", 50_000) + "!").utf8)
    let pattern = try #require(Pattern("(a+)+$"))
    let inPages = #expect(throws: RecordError.self) {
      try Self.findings(page, meanings: [(pattern, .absent)])
    }
    #expect(inPages?.kind == .portalError)
    #expect(inPages?.message.contains("(a+)+$") == true)
    let inRead = #expect(throws: RecordError.self) {
      try Self.findings(
        page, actualBook: .init(name: "actual_book", source: .xpath("//p"), pattern: pattern))
    }
    #expect(inRead?.message.contains("(a+)+$") == true)
  }

  @Test func aStopIsLookedFor() throws {
    let page = Array(Self.many("<p>deed</p>", 200_000).utf8)
    var asked = 0
    let error = #expect(throws: RecordError.self) {
      try Self.findings(page) {
        asked += 1
        return asked > 3
      }
    }
    #expect(error?.kind == .interrupted)
    #expect(asked == 4)
  }

  @Test(
    "Links",
    arguments: [
      ("<base href='/scans/'><a href=1.pdf>", ["http://h/scans/1.pdf"]),
      ("<base href='../b/'><base href='/c/'><a href=1.pdf>", ["http://h/b/1.pdf"]),
      ("<base target=_top><a href=1.pdf>", ["http://h/a/1.pdf"]),
      ("<base href='javascript:1'><a href=1.pdf>", ["http://h/a/1.pdf"]),
      (
        "<base href='http://other/x/'><a href=1.pdf><a href='http://h/2.pdf'>",
        ["http://other/x/1.pdf", "http://h/2.pdf"]
      ),
      (
        "<a href=' 1\n.pdf '><a href='b c.pdf'><a href='\\d\\e.pdf'>",
        ["http://h/a/1.pdf", "http://h/a/b%20c.pdf", "http://h/d/e.pdf"]
      ),
      (
        "<a href=2.pdf><img></a><a href=1.pdf></a><a href=2.pdf>text</a><a href='./2.pdf#page=1'></a>",
        ["http://h/a/2.pdf", "http://h/a/1.pdf"]
      ),
      ("<a href='?i=1&amp;j=2'><a href='?i=1&j=2'>", ["http://h/a/page?i=1&j=2"]),
      ("<a href=''><a href='  '><a href=1.pdf>", ["http://h/a/1.pdf"]),
    ])
  func links(page: String, expected: [String]) throws {
    #expect(try Self.urls(page) == expected)
  }

  @Test(
    "The page's charset",
    arguments: [
      ([0xFC], nil, "", "%FC"), ([0xFC], "text/html; charset=ISO-8859-1", "", "%FC"),
      ([0xC3, 0xBC], nil, "", "%C3%BC"),
      ([0xC3, 0xBC], "text/html;charset=\"utf-8\"", "", "%C3%BC"),
      ([0xC3, 0xBC], "text/html", "<meta charset=windows-1252>", "%C3%BC"),
      ([0xFC], "text/html; charset=utf-8", "", "%EF%BF%BD"),
      (
        [0xFC], "text/html", "<META HTTP-EQUIV=content-type CONTENT='text/html; charset=latin1'>",
        "%FC"
      ),
      ([0xC1], "text/html; charset=koi8-r", "<meta charset=utf-8>", "%C1"),
      ([0xC3, 0xBC], "text/html; charset=nonsense", "", "%C3%BC"),
      ([0xFC], "text/html", "<meta charset=utf-16>", "%EF%BF%BD"),
      ([0x93, 0x94], nil, "", "%93%94"), ([0x8E, 0xB4], "text/html; charset=x-sjis", "", "%8E%B4"),
    ] as [([UInt8], String?, String, String)])
  func charset(bytes: [UInt8], contentType: String?, head: String, query: String) throws {
    let page = Array("\(head)<a href='?n=".utf8) + bytes + Array("'>".utf8)
    let findings = try Self.findings(page, contentType: contentType)
    let urls = try Self.links(findings)
    #expect(urls.map(\.description) == ["http://h/a/page?n=\(query)"])
  }

  @Test("UTF-16 with its mark", arguments: [true, false]) func wide(isLittleEndian: Bool) throws {
    let page = "\u{FEFF}<title>Übersicht</title><a href=1.pdf>".utf16.flatMap { unit in
      isLittleEndian
        ? [UInt8(unit & 0xFF), UInt8(unit >> 8)] : [UInt8(unit >> 8), UInt8(unit & 0xFF)]
    }
    let findings = try Self.findings(page)
    #expect(findings.answer?.values["images"] == ["1.pdf"])
    #expect(findings.title == "Übersicht")
  }

  @Test(
    "Nothing found is final only where the page is known to be whole",
    arguments: [
      ("<p>no record", true, ErrorClass.absent), ("<p>no record", false, .portalError),
      ("<p>no record</BODY>", false, .absent), ("<p>no record</html>\n", false, .absent),
      ("<p>no record</ht", false, .portalError),
    ])
  func absence(page: String, hasEnd: Bool, kind: ErrorClass) throws {
    let findings = try Self.findings(Array(page.utf8), hasEnd: hasEnd)
    let error = #expect(throws: RecordError.self) { try Self.links(findings) }
    #expect(error?.kind == kind)
  }

  @Test(
    "Where a browser would go on",
    arguments: [
      ("<meta http-equiv=Refresh content='0; url=next.php'>", ["http://h/a/next.php"], 0),
      ("<meta http-equiv=refresh content=\"3;URL='/n?a=b'\">", ["http://h/n?a=b"], 3),
      ("<meta http-equiv=refresh content='1,n.pdf'>", ["http://h/a/n.pdf"], 1),
      ("<meta http-equiv=refresh content='300; url=n.pdf'>", [], 0),
      ("<meta http-equiv=refresh content='5'>", [], 0),
      ("<meta http-equiv=refresh content='5; url=page'>", [], 0),
      ("<frameset><frame src=scan.php></frameset>", ["http://h/a/scan.php"], 0),
      (
        "<iframe src='show?pdf=1'></iframe><iframe src=menu></iframe>", ["http://h/a/show?pdf=1"], 0
      ),
      ("<iframe src=menu></iframe><iframe src=footer></iframe>", [], 0),
      ("<embed type=application/pdf src=s><iframe src=menu></iframe>", ["http://h/a/s"], 0),
      ("<object type='application/pdf' data='s'></object>", ["http://h/a/s", "http://h/a/s"], 0),
      ("<iframe src=about:blank></iframe><iframe src='javascript:x'></iframe>", [], 0),
      ("<base href=/b/><embed src=s.pdf>", ["http://h/b/s.pdf", "http://h/b/s.pdf"], 0),
    ] as [(String, [String], Double)])
  func goesOn(page: String, expected: [String], delay: Double) throws {
    let next = try Self.findings(Array(page.utf8)).next
    #expect(next.map(\.url.description) == expected)
    #expect(next.allSatisfy { $0.delay == delay })
  }
}
