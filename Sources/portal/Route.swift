/// What a request asks for. Pure.
enum Route: Sendable, Equatable {
  /// The look-up page with a note in place of a result.
  case form(note: String)
  /// The look-up found nothing. The document is one of the index that the portal does not have.
  case nothingFound(Document?)
  /// The look-up found a document.
  case found(Document)
  /// Pages of a document.
  case scan(Document, pages: ClosedRange<Int>)
  /// A scan that always comes as an HTML page.
  case brokenScan(Document)
  /// A number that no scan has.
  case noSuchScan(Document?)
  /// A file that is not there.
  case missing(Document?)
  /// A page of one of the sites, which is made already.
  case page(Response, Document?)
  /// One page of a document as TIFF.
  case image(Document, page: Int)

  /// The document that is asked for.
  var document: Document? {
    switch self {
    case .form: nil
    case .nothingFound(let document), .noSuchScan(let document), .missing(let document),
      .page(_, let document):
      document
    case .found(let document), .scan(let document, _), .brokenScan(let document),
      .image(let document, _):
      document
    }
  }

  /// Whether it is a scan, or a page of one.
  var isScan: Bool {
    switch self {
    case .scan, .image: true
    default: false
    }
  }

  /// The parameters of a look-up: the page insists on all of them, empty or not.
  static let lookUpParameters = [
    "grantor", "doc_type", "book", "bpage", "month", "day", "year", "thru_month", "thru_day",
    "thru_year", "section", "township", "range", "code", "lot", "iyear", "instrument",
    "do_search",
  ]

  init(path: String, query: String, in catalogue: Catalogue) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    switch (parts.first, parts.count) {
    case ("court-house-search", 2) where parts.last == "drupal-deed-record-lookup.php":
      self = .lookUp(Query(query), in: catalogue)
    case ("court-house-search", 2) where parts.last == "pdf-records.php":
      self = .image(Query(query)["image"].flatMap(Int.init), in: catalogue)
    case ("historical-books", 3):
      self = .historical(parts[parts.startIndex + 1], parts[parts.startIndex + 2], in: catalogue)
    case ("documents", 2):
      self = .whole(
        Self.fileNumber(parts[parts.startIndex + 1]).flatMap { catalogue.document($0) },
        in: catalogue)
    default: self = .missing(nil)
    }
  }

  private static func lookUp(_ query: Query, in catalogue: Catalogue) -> Route {
    if let name = lookUpParameters.first(where: { query[$0] == nil }) {
      return .form(note: "The parameter \(name) is missing.")
    }
    guard query["do_search"] == "Submit Query" else { return .form(note: "Fill in the form.") }
    switch catalogue.search(
      instrument: query["instrument"], book: query["book"], page: query["bpage"])
    {
    case .incomplete: return .form(note: "Enter an instrument number, or a book and a page.")
    case .none(let document): return .nothingFound(document)
    case .found(let document):
      return catalogue.isDirect(document)
        ? .scan(document, pages: document.allPages) : .found(document)
    }
  }

  /// The scan with this number of the portal.
  static func image(_ image: Int?, in catalogue: Catalogue) -> Route {
    guard let (number, scan) = image.flatMap(Document.parts(ofImage:)),
      let document = catalogue.document(number), let pages = document.pages(ofScan: scan)
    else { return .noSuchScan(nil) }
    guard !catalogue.isAbsent(document) else { return .noSuchScan(document) }
    return catalogue.isBroken(document) ? .brokenScan(document) : .scan(document, pages: pages)
  }

  private static func historical(
    _ book: Substring, _ file: Substring, in catalogue: Catalogue
  ) -> Route {
    guard book.count >= 4, let number = Int(book), file.count >= 8, let page = fileNumber(file),
      let document = catalogue.document(book: number, page: page), document.source == .historical
    else { return .missing(nil) }
    return whole(document, in: catalogue)
  }

  private static func whole(_ document: Document?, in catalogue: Catalogue) -> Route {
    guard let document, !catalogue.isAbsent(document) else { return .missing(document) }
    return catalogue.isBroken(document)
      ? .brokenScan(document) : .scan(document, pages: document.allPages)
  }

  /// The number of `0055.pdf`.
  private static func fileNumber(_ file: Substring) -> Int? {
    file.hasSuffix(".pdf") ? Int(file.dropLast(4)) : nil
  }
}
