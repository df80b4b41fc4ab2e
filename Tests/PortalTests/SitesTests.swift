import Common
import Testing

@testable import portal

/// A client with cookies, as far as the sites need one. It asks the site without a network between.
private struct Browser {
  let site: Site
  var cookies: [String: String] = [:]

  init(_ site: Site) { self.site = site }

  mutating func get(_ path: String) throws -> Response { try send("GET \(path)", body: "") }

  mutating func post(_ path: String, _ form: [String: String]) throws -> Response {
    let pairs = form.map { "\($0)=\(Self.encoded($1))" }
    return try send("POST \(path)", body: pairs.joined(separator: "&"))
  }

  mutating func send(_ line: String, body: String) throws -> Response {
    var head = "\(line) HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)"
    if !cookies.isEmpty {
      head += "\r\nCookie: " + cookies.map { "\($0)=\($1)" }.joined(separator: "; ")
    }
    var request = try Request(parsing: Array(head.utf8))
    request.body = Array(body.utf8)
    let response = site.response(to: request, site.route(request))
    for header in response.headers where header.name == "Set-Cookie" {
      let pair = header.value.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
      cookies[String(pair[0])] = String(pair[1])
    }
    return response
  }

  private static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber
        ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }
}

extension Response {
  fileprivate var text: String { String(decoding: body, as: UTF8.self) }

  /// What stands between two texts, each time.
  fileprivate func all(between start: String, and end: String) -> [String] {
    text.split(separator: start, omittingEmptySubsequences: false).dropFirst()
      .compactMap { $0.split(separator: end, maxSplits: 1).first.map(String.init) }
  }

  fileprivate func hidden(_ name: String) -> String? {
    all(between: "name=\"\(name)\" id=\"\(name)\" value=\"", and: "\"").first
  }

  fileprivate func header(_ name: String) -> String? {
    headers.first { $0.name == name }?.value
  }

  fileprivate var json: JSON? { try? JSON(parsing: Array(body)) }
}

@Suite struct SitesTests {
  private func site(
    sessionRequests: Int = 0, formChange: Int? = nil, absent: Double = 0, broken: Double = 0
  ) -> Site {
    let catalogue = Catalogue(count: 60, seed: 7, absent: absent, broken: broken)
    return Site(
      catalogue: catalogue, scans: ScanStore(seed: 7, bulkSize: 1000),
      sites: Sites(
        catalogue: catalogue, seed: 7, sessionRequests: sessionRequests, formChange: formChange))
  }

  private func severalImages(_ site: Site) throws -> Document {
    try #require(site.catalogue.documents.first { $0.imageCount > 1 && $0.instrument != nil })
  }

  private func form(_ page: Response, _ values: [String: String]) throws -> [String: String] {
    var form = values
    for name in ["__VIEWSTATE", "__VIEWSTATEGENERATOR", "__EVENTVALIDATION"] {
      let value: String = try #require(page.hidden(name))
      form[name] = value
    }
    form["ctl00$Main$btnSearch"] = "Search"
    return form
  }

  @Test(arguments: ["9223372036854775807", "-9223372036854775808", "1000000", "x", ""])
  func `an offset beyond all documents finds none`(offset: String) throws {
    var browser = Browser(site())
    let document = browser.site.catalogue.documents[0]
    for path in [
      "documents?book=\(document.book)&offset=\(offset)",
      "documents/D0000001/pages?offset=\(offset)",
    ] {
      #expect(try browser.get("/sites/api/v1/\(path)").status == 200)
    }
  }

  // MARK: The search form

  @Test func `the form finds a document's scans for the session that searched`() throws {
    let site = site()
    let document = try severalImages(site)
    var browser = Browser(site)
    let page = try browser.get("/sites/form/search.aspx")
    let fields = try form(page, ["ctl00$Main$txtInstrument": "\(document.instrument!)"])
    let found = try browser.post("/sites/form/search.aspx", fields)
    #expect(found.text.contains("<td>\(document.book)</td><td>\(document.page)</td>"))
    let links = found.all(between: "href=\"", and: "\"")
    #expect(links.count == document.imageCount)
    for link in links {
      let scan = try browser.get("/sites/form/\(link)")
      #expect(scan.header("Content-Type") == "application/pdf")
    }
    var stranger = Browser(site)
    _ = try stranger.get("/sites/form/search.aspx")
    let refused = try stranger.get("/sites/form/\(links[0])")
    #expect(refused.status == 302 && refused.header("Location") == "search.aspx")
  }

  @Test func `the form knows its own tokens and no others`() throws {
    let site = site()
    var (browser, stranger) = (Browser(site), Browser(site))
    let page = try browser.get("/sites/form/search.aspx")
    let fields = try form(page, ["ctl00$Main$txtBook": "1", "ctl00$Main$txtPage": "1"])
    #expect(try browser.post("/sites/form/search.aspx", fields).text.contains("No records found."))
    for name in ["__VIEWSTATE", "__EVENTVALIDATION"] {
      var without = fields
      without[name] = nil
      #expect(try browser.post("/sites/form/search.aspx", without).status == 500)
    }
    _ = try stranger.get("/sites/form/search.aspx")
    #expect(try stranger.post("/sites/form/search.aspx", fields).status == 500)
    var nobody = Browser(site)
    let expired = try nobody.post("/sites/form/search.aspx", fields)
    #expect(expired.status == 200 && expired.text.contains("Your session has expired."))
    let empty = try browser.post("/sites/form/search.aspx", form(page, [:]))
    #expect(empty.text.contains("Enter an instrument number"))
  }

  @Test func `a session ends after its requests`() throws {
    var browser = Browser(site(sessionRequests: 3))
    let page = try browser.get("/sites/form/search.aspx")
    let fields = try form(page, ["ctl00$Main$txtInstrument": "1"])
    let answers = try (1...4).map { _ in
      try browser.post("/sites/form/search.aspx", fields).text.contains("No records found.")
    }
    #expect(answers == [true, true, true, false])
    #expect(try browser.get("/sites/form/search.aspx").header("Set-Cookie") != nil)
  }

  @Test func `the form changes after so many searches`() throws {
    var browser = Browser(site(formChange: 2))
    let page = try browser.get("/sites/form/search.aspx")
    let fields = try form(page, ["ctl00$Main$txtInstrument": "1"])
    let answers = try (1...3).map { _ in
      try browser.post("/sites/form/search.aspx", fields).text.contains("No records found.")
    }
    #expect(answers == [true, true, false])
    #expect(try browser.get("/sites/form/search.aspx").text.contains("ctl00$Body$tbInstrument"))
  }

  // MARK: The API

  @Test func `the API lists what there is, some an answer`() throws {
    let site = site()
    let document = try #require(site.catalogue.documents.first { $0.pageCount == 5 })
    var browser = Browser(site)
    let query = "book=\(document.book)&page=\(document.page)"
    let found = try #require(browser.get("/sites/api/v1/documents?\(query)").json)
    let id = try #require(found["results"]?.array?.first?["id"]?.string)
    var next: String? = "/sites/api/v1/documents/\(id)/pages"
    var files: [String] = []
    while let address = next, files.count < 10 {
      let answer = try #require(browser.get(address).json)
      files += answer["pages"]?.array?.compactMap { $0["file"]?.string } ?? []
      next = answer["next"]?.string
    }
    #expect(files.count == 5 && Set(files).count == 5)
    for file in files + ["/sites/api/v1/documents/\(id)/file"] {
      #expect(try browser.get(file).header("Content-Type") == "application/pdf")
    }
    let posted = try browser.send(
      "POST /sites/api/v1/search",
      body: #"{"book":\#(document.book),"page":"\#(document.page)"}"#)
    #expect(posted.json == found)
  }

  @Test func `a book of the API has its documents once`() throws {
    let documents = (1...23).map { number in
      var maker = DocumentMaker(seed: number, isBulk: true)
      let made = maker.make(number)
      return Document(
        number: number, instrument: number, book: 300, indexPage: number, page: number,
        type: made.type, isTyped: true, fileDate: made.fileDate, pageCount: 1, indexPageCount: 1,
        imageCount: 1, grantor: "A", grantee: "B", priority: 1)
    }
    let catalogue = Catalogue(documents, seed: 7)
    var browser = Browser(
      Site(catalogue: catalogue, scans: ScanStore(seed: 7, bulkSize: 1000)))
    var next: String? = "/sites/api/v1/documents?book=300"
    var pages: [Int] = []
    while let address = next, pages.count < 100 {
      let answer = try #require(browser.get(address).json)
      #expect(answer["total"]?.int == 23)
      pages += answer["results"]?.array?.compactMap { $0["page"]?.int } ?? []
      next = answer["next"]?.string
    }
    #expect(pages == Array(1...23))
  }

  @Test(arguments: [
    ("GET /sites/api/v1/documents", 400), ("GET /sites/api/v1/documents?book=x", 400),
    ("GET /sites/api/v1/documents/D0000001x/file", 404), ("POST /sites/api/v1/search", 400),
    ("GET /sites/api/v1/documents/D1/file", 404), ("GET /sites/api/v2", 404),
    ("GET /sites/api/v1/files/D0000001-9.pdf", 404), ("GET /sites/nothing", 404),
  ])
  func `what is asked wrongly gets a status`(line: String, status: Int) throws {
    var browser = Browser(site())
    let answer = try browser.send(line, body: "[")
    #expect(answer.status == status)
    #expect(line.contains("nothing") || answer.json?["error"]?["code"]?.string != nil)
  }

  // MARK: The viewer, and page images

  @Test func `the viewer has a frame or goes on by itself`() throws {
    let site = site()
    var browser = Browser(site)
    var kinds: Set<String> = []
    for document in site.catalogue.documents.prefix(8) {
      let query = "book=\(document.book)&page=\(document.indexPage)"
      let hits = try browser.get("/sites/viewer/search?\(query)")
        .all(between: "<a href=\"", and: "\"")
      #expect(hits.count == document.imageCount)
      for hit in hits {
        let address = hit.split(separator: "&amp;").joined(separator: "&")
        let page = try browser.get("/sites/viewer/\(address)")
        let frames = page.all(between: "<iframe id=\"scan\" src=\"", and: "\"")
        let refreshes = page.all(between: "content=\"0; url=", and: "\"")
        kinds.insert(frames.isEmpty ? "refresh" : "frame")
        let scan = try #require((frames + refreshes).first)
        #expect(frames.count + refreshes.count == 1)
        #expect(
          try browser.get("/sites/viewer/\(scan)").header("Content-Type") == "application/pdf")
      }
    }
    #expect(kinds == ["refresh", "frame"])
    #expect(try browser.get("/sites/viewer/search?instrument=1").text.contains("class=\"none\""))
  }

  @Test func `page images are TIFF files until there are no more`() throws {
    let site = site()
    let document = try #require(site.catalogue.documents.first { $0.pageCount == 2 })
    var browser = Browser(site)
    let folder = "/sites/tiff/\(document.book)/\(document.page)"
    let links = try browser.get("\(folder)/").all(between: "<a href=\"", and: "\"")
    #expect(links == ["1.tif", "2.tif"])
    let pages = try links.map { try browser.get("\(folder)/\($0)") }
    #expect(pages.allSatisfy { $0.header("Content-Type") == "image/tiff" })
    #expect(pages.allSatisfy { FaxData.strip(ofTIFF: Array($0.body)) != nil })
    #expect(pages[0].body != pages[1].body)
    #expect(try browser.get("\(folder)/1.tif") == pages[0])
    #expect(try browser.get("\(folder)/3.tif").status == 404)
    #expect(try browser.get("/sites/tiff/0001/0001/").status == 404)
  }

  // MARK: The log-in

  private func logIn(_ browser: inout Browser, password: String) throws -> Response {
    let page = try browser.get("/sites/login/")
    let csrf = try #require(page.all(between: "name=\"csrf\" value=\"", and: "\"").first)
    return try browser.post(
      "/sites/login/signin", ["csrf": csrf, "user": LoginSite.user, "password": password])
  }

  @Test func `only who is logged in gets further, and not for ever`() throws {
    let site = site(sessionRequests: 3)
    let document = try severalImages(site)
    var browser = Browser(site)
    let search = "/sites/login/search?instrument=\(document.instrument!)"
    #expect(try browser.get(search).text.contains("id=\"login\""))
    let wrong = try logIn(&browser, password: "x")
    #expect(wrong.status == 200 && wrong.text.contains("the password is wrong"))
    #expect(try browser.get(search).text.contains("id=\"login\""))
    let right = try logIn(&browser, password: LoginSite.password)
    #expect(right.status == 303 && right.header("Location") == "search")
    let links = try browser.get(search).all(between: "<a href=\"", and: "\"")
    #expect(links.count == document.imageCount)
    for link in links.prefix(2) {
      let scan = try browser.get("/sites/login/\(link)")
      #expect(scan.header("Content-Type") == "application/pdf")
    }
    let ended = try browser.get(search)
    #expect(ended.status == 200 && ended.text.contains("id=\"login\""))
  }

  @Test func `the log-in form is for the visit that asked for it`() throws {
    let site = site()
    var (browser, stranger) = (Browser(site), Browser(site))
    let page = try browser.get("/sites/login/")
    let csrf = try #require(page.all(between: "name=\"csrf\" value=\"", and: "\"").first)
    _ = try stranger.get("/sites/login/")
    let answer = try stranger.post(
      "/sites/login/signin",
      ["csrf": csrf, "user": LoginSite.user, "password": LoginSite.password])
    #expect(answer.text.contains("The form has expired."))
  }

  // MARK: All of them

  @Test func `absent documents are found by none of them, and broken ones are no scans`() throws {
    let (empty, broken) = (site(absent: 1), site(broken: 1))
    let document = try severalImages(empty)
    var browser = Browser(empty)
    let query = "book=\(document.book)&page=\(document.page)"
    #expect(
      try browser.get("/sites/viewer/search?\(query)").text.contains("No documents match."))
    #expect(try browser.get("/sites/api/v1/documents?\(query)").json?["total"]?.int == 0)
    #expect(try browser.get("/sites/tiff/\(document.book)/\(document.page)/1.tif").status == 404)
    var other = Browser(broken)
    for path in [
      "viewer/scan/\(document.number)-1.pdf", "tiff/\(document.book)/\(document.page)/1.tif",
    ] {
      #expect(try other.get("/sites/\(path)").text.contains("Image unavailable"))
    }
  }
}
