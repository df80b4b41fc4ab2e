import Common

/// A viewer: each link of the search leads to a page around the scan. Documents with an odd number have a frame,
/// the others a page that goes on by itself.
struct ViewerSite {
  let catalogue: Catalogue

  func route(_ path: [String], _ request: Request) -> Route {
    let query = Query(request.query)
    switch path {
    case ["search"]: return search(query)
    case ["view"]:
      guard let document = query["doc"].flatMap(Int.init).flatMap({ catalogue.document($0) }),
        let image = query["image"].flatMap(Int.init), (1...document.imageCount).contains(image)
      else { return .missing(nil) }
      return .page(Self.view(document, image), document)
    default:
      return path.count == 2 && path[0] == "scan"
        ? catalogue.scan(named: path[1]) : .missing(nil)
    }
  }

  private func search(_ query: Query) -> Route {
    switch catalogue.search(query) {
    case .incomplete:
      return .page(
        Pages.site("Search", "<p class=\"help\">Name an instrument, or a book and a page.</p>"), nil
      )
    case .none(let document):
      return .page(Pages.site("Search", "<p class=\"none\">No documents match.</p>"), document)
    case .found(let document):
      let links = (1...document.imageCount).map {
        "<li><a href=\"view?doc=\(document.number)&amp;image=\($0)\">Book \(document.book), "
          + "page \(document.page), part \($0)</a></li>"
      }
      return .page(
        Pages.site("Search", "<ul class=\"hits\">\n\(links.joined(separator: "\n"))\n</ul>"),
        document)
    }
  }

  private static func view(_ document: Document, _ image: Int) -> Response {
    let scan = "scan/\(document.number)-\(image).pdf"
    return document.number % 2 == 1
      ? Pages.site(
        "Viewer",
        "<iframe id=\"scan\" src=\"\(scan)\" width=\"100%\" height=\"900\"></iframe>")
      : Pages.site(
        "Viewer", head: "<meta http-equiv=\"refresh\" content=\"0; url=\(scan)\">\n",
        "<p>Your document is being prepared.</p>")
  }
}

/// Page images: one TIFF for each page, by book and page; how many there are is to be found out.
struct ImageSite {
  let catalogue: Catalogue

  func route(_ path: [String], _ request: Request) -> Route {
    guard path.count == 3, let book = Int(path[0]), let page = Int(path[1]),
      let document = catalogue.document(book: book, page: page), !catalogue.isAbsent(document)
    else { return .missing(nil) }
    if path[2].isEmpty { return .page(Self.list(document), document) }
    guard path[2].hasSuffix(".tif"), let number = Int(path[2].dropLast(4)),
      document.allPages.contains(number)
    else { return .missing(document) }
    return catalogue.isBroken(document) ? .brokenScan(document) : .image(document, page: number)
  }

  private static func list(_ document: Document) -> Response {
    let links = document.allPages.map { "<li><a href=\"\($0).tif\">Page \($0)</a></li>" }
    return Pages.site("Pages", "<ol id=\"pages\">\n\(links.joined(separator: "\n"))\n</ol>")
  }
}
