import Synchronization

/// A search form as ASP.NET makes them: the page has hidden tokens that are bound to the session and must come
/// back with each search, and the scans are for the session that found them.
final class FormSite: Sendable {
  static let cookie = "ASP.NET_SessionId"
  private static let nothing = "No records found."
  private static let incomplete = "Enter an instrument number, or a book and a page."

  private let catalogue: Catalogue
  private let sessions: Sessions
  private let change: Int?
  private let searches = Atomic<Int>(0)

  /// After `change` searches the form has other fields.
  init(catalogue: Catalogue, sessions: Sessions, change: Int?) {
    self.catalogue = catalogue
    self.sessions = sessions
    self.change = change
  }

  /// The names of the fields.
  private struct Fields {
    let instrument, book, page, button: String

    init(isChanged: Bool) {
      let prefix = isChanged ? "ctl00$Body$tb" : "ctl00$Main$txt"
      (instrument, book, page) = ("\(prefix)Instrument", "\(prefix)Book", "\(prefix)Page")
      button = isChanged ? "ctl00$Body$cmdFind" : "ctl00$Main$btnSearch"
    }
  }

  private var fields: Fields {
    Fields(isChanged: change.map { searches.load(ordering: .relaxed) >= $0 } ?? false)
  }

  func route(_ path: [String], _ request: Request) -> Route {
    switch path {
    case ["search.aspx"] where request.method == .post: posted(request)
    case ["search.aspx"]: form(request)
    case ["image.aspx"]: image(request)
    default: .missing(nil)
    }
  }

  private func form(_ request: Request) -> Route {
    let known = request.cookie(Self.cookie)
    if let known, sessions.use(known) { return .page(page(known, note: nil), nil) }
    let session = sessions.begin()
    return .page(
      page(session, note: nil)
        .adding("Set-Cookie", "\(Self.cookie)=\(session); path=/sites/form/; HttpOnly"), nil)
  }

  private func posted(_ request: Request) -> Route {
    guard let session = request.cookie(Self.cookie), sessions.use(session) else {
      return .page(
        Pages.site(
          "Session expired",
          "<p>Your session has expired. Please <a href=\"search.aspx\">start your search again</a>."
        ), nil)
    }
    let form = Query(String(decoding: request.body, as: UTF8.self))
    guard form["__VIEWSTATE"] == viewState(session),
      form["__EVENTVALIDATION"] == validation(session)
    else {
      return .page(Response(500, html: Pages.failure("Validation of viewstate MAC failed.")), nil)
    }
    let fields = fields
    searches.add(1, ordering: .relaxed)
    guard form[fields.button] != nil else { return .page(page(session, note: ""), nil) }
    switch catalogue.search(
      instrument: form[fields.instrument], book: form[fields.book], page: form[fields.page])
    {
    case .incomplete: return .page(page(session, note: Self.incomplete), nil)
    case .none(let document): return .page(page(session, note: Self.nothing), document)
    case .found(let document):
      return .page(page(session, note: nil, results: table(document, session)), document)
    }
  }

  private func image(_ request: Request) -> Route {
    let key = Query(request.query)["key"] ?? ""
    guard let session = request.cookie(Self.cookie), sessions.use(session),
      let image = Int(key.dropLast(16), radix: 16), key == self.key(image, session)
    else { return .page(Pages.redirect(302, to: "search.aspx"), nil) }
    return Route.image(image, in: catalogue)
  }

  private func key(_ image: Int, _ session: String) -> String {
    String(image, radix: 16) + sessions.token("image \(image)", of: session).prefix(16)
  }

  /// Longer than a line, and with the signs that must be coded in a form.
  private func viewState(_ session: String) -> String {
    "/wEPDwUK+" + (1...6).map { sessions.token("state \($0)", of: session) }.joined() + "=="
  }

  private func validation(_ session: String) -> String {
    "/wEdAAU/" + sessions.token("validation", of: session) + "+="
  }

  private func table(_ document: Document, _ session: String) -> String {
    let links = (0..<document.imageCount).map {
      "<a href=\"image.aspx?key=\(key(document.image($0), session))\">Image \($0 + 1)</a>"
    }
    let cells = [
      document.instrument.map(String.init) ?? "&nbsp;", "\(document.book)", "\(document.page)",
      Pages.escaped(document.type.parsed), links.joined(separator: " "),
    ]
    return """
      <table id="ctl00_Main_gvResults" cellspacing="0">
      <tr><th>Instrument</th><th>Book</th><th>Page</th><th>Type</th><th>Images</th></tr>
      <tr>\(cells.map { "<td>\($0)</td>" }.joined())</tr>
      </table>
      """
  }

  private func page(_ session: String, note: String?, results: String = "") -> Response {
    let fields = fields
    func hidden(_ name: String, _ value: String) -> String {
      "<input type=\"hidden\" name=\"\(name)\" id=\"\(name)\" value=\"\(value)\" />"
    }
    func text(_ label: String, _ name: String) -> String {
      "\(label) <input name=\"\(name)\" type=\"text\" />"
    }
    return Pages.site(
      "Search",
      """
      <form method="post" action="./search.aspx" id="aspnetForm">
      \(hidden("__VIEWSTATE", viewState(session)))
      \(hidden("__VIEWSTATEGENERATOR", "BBBC20B8"))
      \(hidden("__EVENTVALIDATION", validation(session)))
      \(text("Instrument", fields.instrument)) \(text("Book", fields.book))
      \(text("Page", fields.page))
      <input type="submit" name="\(fields.button)" value="Search" />
      \(note.map { "<span id=\"ctl00_Main_lblMessage\">\($0)</span>" } ?? "")
      \(results)
      </form>
      """)
  }
}
