import Common

/// Five sites with the same documents as the look-up, each of a kind that people meet elsewhere: a search form
/// with hidden tokens, a JSON API, a viewer, page images, a log-in (docs/portal.md).
struct Sites: Sendable {
  let catalogue: Catalogue
  private let form: FormSite
  private let login: LoginSite

  /// - Parameters:
  ///   - sessionRequests: how many requests a session lasts; 0 for ever.
  ///   - formChange: after how many searches the form has other fields; `nil` never.
  init(catalogue: Catalogue, seed: Int, sessionRequests: Int = 0, formChange: Int? = nil) {
    self.catalogue = catalogue
    form = FormSite(
      catalogue: catalogue, sessions: Sessions(seed: seed, requests: sessionRequests),
      change: formChange)
    login = LoginSite(
      catalogue: catalogue, sessions: Sessions(seed: seed, requests: sessionRequests))
  }

  /// What a request below `/sites/` asks for; `nil` for any other. Counts for the session that it has.
  func route(_ request: Request) -> Route? {
    guard request.path.hasPrefix(Request.sites) else { return nil }
    let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(2)
    guard let site = parts.first else { return .missing(nil) }
    let path = parts.dropFirst().map(String.init)
    return switch site {
    case "form": form.route(path, request)
    case "api": APISite(catalogue: catalogue).route(path, request)
    case "viewer": ViewerSite(catalogue: catalogue).route(path, request)
    case "tiff": ImageSite(catalogue: catalogue).route(path, request)
    case "login": login.route(path, request)
    default: .missing(nil)
    }
  }
}

/// What a search for a document gives.
enum SearchResult {
  /// Too little was said.
  case incomplete
  /// There is none; or there is one in the index that the portal does not have.
  case none(Document?)
  case found(Document)
}

extension Catalogue {
  /// Searches by instrument number, or else by book and page.
  func search(instrument: String?, book: String?, page: String?) -> SearchResult {
    let found: Document?
    if let instrument, !instrument.isEmpty {
      found = Int(instrument).flatMap { document(instrument: $0) }
    } else if let book, let page, !book.isEmpty, !page.isEmpty {
      found = Int(book).flatMap { book in
        Int(page).flatMap { document(book: book, page: $0) }
      }
    } else {
      return .incomplete
    }
    guard let found, !isAbsent(found) else { return .none(found) }
    return .found(found)
  }

  func search(_ query: Query) -> SearchResult {
    search(instrument: query["instrument"], book: query["book"], page: query["page"])
  }

  /// A scan by names like `12-1.pdf`: the document's number, and the scan's from 1.
  func scan(named file: String) -> Route {
    let numbers = file.hasSuffix(".pdf") ? file.dropLast(4).split(separator: "-") : []
    guard numbers.count == 2, let number = Int(numbers[0]), let scan = Int(numbers[1]), scan >= 1,
      let document = document(number), scan <= document.imageCount
    else { return .missing(nil) }
    return Route.image(document.image(scan - 1), in: self)
  }
}

extension Pages {
  /// A page of the younger sites.
  static func site(_ title: String, head: String = "", _ body: String) -> Response {
    Response(
      html: """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><title>\(escaped(title))</title>
        \(head)</head>
        <body><header>Sample County Recorder</header>
        <main>
        \(body)
        </main>
        <footer>Not an official record.</footer></body></html>

        """)
  }

  static func redirect(_ status: Int, to location: String) -> Response {
    Response(status, html: "<p>Moved <a href=\"\(escaped(location))\">here</a>.</p>")
      .adding("Location", location)
  }
}
