import Testing

@testable import portal

@Suite struct RouteTests {
  let catalogue = Catalogue(count: 300, seed: 7)

  private func route(_ path: String, _ query: String = "", in other: Catalogue? = nil) -> Route {
    Route(path: path, query: query, in: other ?? catalogue)
  }

  private func lookUp(_ values: [String: String], in other: Catalogue? = nil) -> Route {
    let query = Route.lookUpParameters.map { name in
      "\(name)=\(values[name] ?? (name == "do_search" ? "Submit+Query" : ""))"
    }
    return route(
      "/court-house-search/drupal-deed-record-lookup.php", query.joined(separator: "&"), in: other)
  }

  @Test func `every document is found by book and page of the index, or is the answer itself`() {
    for document in catalogue.documents {
      let route = lookUp(["book": "\(document.book)", "bpage": "\(document.indexPage)"])
      #expect(
        route
          == (catalogue.isDirect(document)
            ? .scan(document, pages: document.allPages) : .found(document)))
      if let instrument = document.instrument {
        #expect(lookUp(["instrument": "\(instrument)"]) == route)
      }
    }
  }

  @Test func `a look-up without what it needs is told so`() {
    #expect(
      route("/court-house-search/drupal-deed-record-lookup.php", "book=1&bpage=2")
        == .form(note: "The parameter grantor is missing."))
    #expect(
      lookUp(["book": "285"]) == .form(note: "Enter an instrument number, or a book and a page."))
    #expect(lookUp(["do_search": ""]) == .form(note: "Fill in the form."))
    #expect(lookUp(["instrument": "1"]) == .nothingFound(nil))
    #expect(lookUp(["book": "x", "bpage": "y"]) == .nothingFound(nil))
  }

  @Test func `images lead to the pages of the document`() throws {
    let document = try #require(catalogue.documents.first { $0.imageCount == 2 })
    let routes = (0...2).map {
      route("/court-house-search/pdf-records.php", "image=\(document.image($0))")
    }
    #expect(routes[0] == .scan(document, pages: document.pages(ofScan: 0)!))
    #expect(routes[1] == .scan(document, pages: document.pages(ofScan: 1)!))
    #expect(routes[2] == .noSuchScan(nil))
    for image in ["", "image=", "image=-1", "image=99999999999999999999", "image=100001"] {
      #expect(route("/court-house-search/pdf-records.php", image) == .noSuchScan(nil))
    }
  }

  @Test func `one step leads to historical books and to documents by number`() throws {
    let old = try #require(catalogue.documents.first { $0.source == .historical })
    let whole = Route.scan(old, pages: old.allPages)
    func four(_ number: Int) -> String {
      String(repeating: "0", count: max(0, 4 - String(number).count)) + String(number)
    }
    #expect(route("/historical-books/\(four(old.book))/\(four(old.page)).pdf") == whole)
    #expect(route("/documents/\(old.number).pdf") == whole)
    #expect(route("/documents/0.pdf") == .missing(nil))
    #expect(route("/documents/1") == .missing(nil))
    let recent = try #require(catalogue.documents.first { $0.source == .duProcess })
    #expect(
      route("/historical-books/\(four(recent.book))/\(four(recent.page)).pdf") == .missing(nil))
    #expect(route("/") == .missing(nil))
    #expect(route("/a/b/c/d") == .missing(nil))
  }

  @Test func `absent documents are never found and broken ones never served`() {
    let document = catalogue.documents[0]
    let absent = Catalogue(count: 1, seed: 7, absent: 1)
    let broken = Catalogue(count: 1, seed: 7, broken: 1)
    let image = "image=\(document.image(0))"
    #expect(
      lookUp(["instrument": "\(document.instrument!)"], in: absent) == .nothingFound(document))
    #expect(route("/documents/1.pdf", in: absent) == .missing(document))
    #expect(
      route("/court-house-search/pdf-records.php", image, in: absent) == .noSuchScan(document))
    #expect(lookUp(["instrument": "\(document.instrument!)"], in: broken) == .found(document))
    #expect(
      route("/court-house-search/pdf-records.php", image, in: broken) == .brokenScan(document))
  }

  @Test func `the page of a result names the portal's page and each scan`() throws {
    let document = try #require(catalogue.documents.first { $0.imageCount == 3 })
    for seed in 0..<8 {
      let html = LookUpPage(document, seed).html
      #expect(html.contains("Grantor:") && html.contains("Grantee: "))
      #expect(html.contains("Nature:") && html.contains("<em>"))
      #expect(html.contains(">Book:") || html.contains("> Book:"))
      for scan in 0..<3 {
        #expect(html.contains("pdf-records.php?image=\(document.image(scan))"))
        #expect(html.contains("Download Image \(scan + 1)"))
      }
    }
    #expect(Pages.escaped("A & \"B\" <C>") == "A &amp; &quot;B&quot; &lt;C&gt;")
    for page in [Pages.nothingFound, Pages.form(note: ""), Pages.login, Pages.scanUnavailable] {
      #expect(!page.contains("<table") && !page.contains("image="))
    }
  }
}
