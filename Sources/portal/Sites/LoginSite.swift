/// A site behind a log-in: whoever has no session, or one that ended, gets the log-in page, with status 200.
struct LoginSite {
  /// What logs in.
  static let (user, password) = ("reader", "deeds-1834")
  private static let (visit, session) = ("visit", "sid")

  let catalogue: Catalogue
  let sessions: Sessions

  func route(_ path: [String], _ request: Request) -> Route {
    switch path {
    case [""], []: loginPage()
    case ["signin"] where request.method == .post: signIn(request)
    default:
      sessions.use(request.cookie(Self.session)) ? inside(path, request) : loginPage()
    }
  }

  private func inside(_ path: [String], _ request: Request) -> Route {
    if path.count == 2, path[0] == "document" { return catalogue.scan(named: path[1]) }
    guard path == ["search"] else { return .missing(nil) }
    switch catalogue.search(Query(request.query)) {
    case .incomplete: return .page(Self.searchPage(""), nil)
    case .none(let document):
      return .page(Self.searchPage("<p id=\"none\">No records found.</p>"), document)
    case .found(let document):
      let links = (1...document.imageCount).map {
        "<a href=\"document/\(document.number)-\($0).pdf\">Image \($0)</a>"
      }
      return .page(
        Self.searchPage(
          """
          <table id="hits"><tr><td class="book">\(document.book)</td>\
          <td class="page">\(document.page)</td><td>\(links.joined(separator: " "))</td></tr></table>
          """), document)
    }
  }

  private static func searchPage(_ result: String) -> Response {
    Pages.site(
      "Search",
      """
      <form action="search">Instrument <input name="instrument"> Book <input name="book">
      Page <input name="page"> <button>Search</button></form>
      \(result)
      """)
  }

  private func signIn(_ request: Request) -> Route {
    let form = Query(String(decoding: request.body, as: UTF8.self))
    guard let visit = request.cookie(Self.visit), form["csrf"] == csrf(visit) else {
      return loginPage("The form has expired. Please try again.")
    }
    guard form["user"] == Self.user, form["password"] == Self.password else {
      return loginPage("The user name or the password is wrong.")
    }
    return .page(
      Pages.redirect(303, to: "search").adding(
        "Set-Cookie", "\(Self.session)=\(sessions.begin()); Path=/sites/login; HttpOnly"), nil)
  }

  /// Each has a token that must come back with the cookie that goes with it.
  private func loginPage(_ error: String? = nil) -> Route {
    let visit = sessions.visit()
    return .page(
      Pages.site(
        "Log in",
        """
        <form id="login" method="post" action="/sites/login/signin">
        \(error.map { "<p class=\"error\">\($0)</p>" } ?? "<p>Please log in to go on.</p>")
        <input type="hidden" name="csrf" value="\(csrf(visit))">
        User <input name="user"> Password <input type="password" name="password">
        <button>Log in</button></form>
        """
      ).adding("Set-Cookie", "\(Self.visit)=\(visit); Path=/sites/login"), nil)
  }

  private func csrf(_ visit: String) -> String {
    String(sessions.token("csrf", of: visit).prefix(32))
  }
}
