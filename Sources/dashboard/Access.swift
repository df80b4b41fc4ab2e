import Common
import Crypto

/// What a client asks, as far as the dashboard looks at it.
struct Request: Sendable {
  var method: String
  /// The path, decoded; without what follows a question mark.
  var path: String
  /// What follows it, by name.
  var query: [String: String] = [:]
  /// Header fields by their names in lower case.
  var fields: [String: String] = [:]
  /// Names of fields that came more than once.
  var repeated: Set<String> = []
  var body: [UInt8] = []

  /// The value of a field that may come only once; `nil` where it came twice.
  func field(_ name: String) -> String? { repeated.contains(name) ? nil : fields[name] }

  /// The value of a cookie.
  func cookie(_ name: String) -> String? {
    for part in (fields["cookie"] ?? "").split(separator: ";") {
      let pair = part.drop { $0 == " " }.split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if pair.count == 2, pair[0] == name { return String(pair[1]) }
    }
    return nil
  }

  /// The fields of a form in the body, decoded (HTML, application/x-www-form-urlencoded).
  var form: [String: String] {
    var form: [String: String] = [:]
    for part in String(decoding: body, as: UTF8.self).split(separator: "&") {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      form[Self.decoded(pair[0])] = pair.count == 2 ? Self.decoded(pair[1]) : ""
    }
    return form
  }

  /// A text that is no form's stays as it came.
  private static func decoded(_ text: Substring) -> String {
    let text = String(text.replacing("+", with: " "))
    return Format.percentDecoded(text) ?? text
  }

  /// Whether it asks for a WebSocket (RFC 6455, section 4.2.1).
  var isUpgrade: Bool { fields["upgrade"] != nil }
}

/// Who may ask what. Pure.
///
/// That it listens on the loopback interface protects nothing by itself: any page in the operator's browser can send
/// requests there, under a name of its own (DNS rebinding) or as a foreign origin. So each request has to be for one of
/// the dashboard's names and bring the token or its cookie, and what changes something, or opens a socket, has to come from
/// the dashboard's own page.
struct Access: Sendable {
  /// How a page of each host calls itself: `Origin` by `Host`, in lower case.
  let origins: [String: String]
  /// Known to those who may look.
  let token: String
  /// The cookie's name, which the port is part of: cookies are of a host, whatever its port (RFC 6265, section 8.5).
  let cookieName: String
  /// Whether the cookie may go over https alone.
  let isSecure: Bool

  /// A dashboard that listens at `host` and `port`, and is known to the world as `proxy` (`https://dash.example.org`).
  init(host: String, port: Int, token: String, proxy: String? = nil) {
    var origins: [String: String] = [:]
    let own = host.contains(":") ? "[\(host)]" : host
    for name in [own, "localhost", "127.0.0.1", "[::1]"] {
      origins["\(name.lowercased()):\(port)"] = "http://\(name.lowercased()):\(port)"
    }
    if let proxy, let slashes = proxy.firstRange(of: "://") {
      origins[proxy[slashes.upperBound...].lowercased()] = proxy.lowercased()
    }
    self.origins = origins
    self.token = token
    cookieName = "conveyor-\(port)"
    isSecure = proxy?.lowercased().hasPrefix("https:") ?? false
  }

  enum Verdict: Sendable, Equatable {
    case open
    /// The token came in the address: it becomes a cookie.
    case enter
    /// With this status, for this reason.
    case refused(Int, String)
  }

  func judge(_ request: Request) -> Verdict {
    guard let host = request.field("host"), let own = origins[host.lowercased()] else {
      return .refused(403, "The dashboard is not known by this name. Open the address it printed.")
    }
    guard ["GET", "HEAD", "POST"].contains(request.method) else {
      return .refused(405, "The dashboard answers GET, HEAD and POST.")
    }
    if request.path == "/healthz" { return .open }
    let isBearer = request.field("authorization").map { isSame($0, "Bearer \(token)") } ?? false
    let isEntering =
      request.path == "/" && (request.query["token"].map { isSame($0, token) } ?? false)
    let hasCookie = request.cookie(cookieName).map { isSame($0, cookie) } ?? false
    guard isBearer || hasCookie || isEntering else {
      return .refused(
        401, "The token is missing. Open the address that the dashboard printed when it started.")
    }
    if request.method == "POST" || request.isUpgrade {
      let origin = request.fields["origin"]
      let isOwn = origin != nil && request.field("origin") == own
      // A program has no origin, and no browser adds a token of its own accord.
      guard isOwn || (origin == nil && isBearer) else {
        return .refused(403, "This comes from another page than the dashboard's.")
      }
    }
    return isEntering && request.method != "POST" ? .enter : .open
  }

  /// The cookie's value: made of the token, which it does not betray.
  var cookie: String { Digest.sha256("conveyor dashboard cookie \(token)".utf8) }

  /// The cookie as it is set. Strict: no other site's link or form brings it (RFC 6265bis, section 5.4.7).
  var cookieField: String {
    "\(cookieName)=\(cookie); Path=/; HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
  }

  /// Takes as long whatever differs.
  private func isSame(_ one: String, _ other: String) -> Bool {
    let (one, other) = (Digest.sha256(one.utf8), Digest.sha256(other.utf8))
    return zip(one.utf8, other.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// A token: 256 random bits in hexadecimal digits.
  static func newToken() -> String {
    Digest.hex((0..<32).map { _ in UInt8.random(in: 0...255) })
  }
}

/// What the dashboard answers.
struct Reply: Sendable, Equatable {
  var status = 200
  var type = "text/html; charset=utf-8"
  var body: [UInt8] = []
  var fields: [String: String] = [:]

  init(_ status: Int = 200, html: String) {
    self.status = status
    body = Array(html.utf8)
  }

  init(_ status: Int = 200, _ type: String, _ text: String) {
    (self.status, self.type) = (status, type)
    body = Array(text.utf8)
  }

  /// To another page of the dashboard's.
  static func redirect(to path: String) -> Reply {
    var reply = Reply(303, "text/plain; charset=utf-8", "")
    reply.fields["Location"] = path
    return reply
  }

  /// What goes with every answer. No answer is kept, framed, guessed at, or may load anything from elsewhere. The policy on
  /// referrers is not `no-referrer`, which has browsers send forms with `Origin: null` (Fetch, "append a request Origin header").
  static let always = [
    "Content-Security-Policy": """
    default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'
    """,
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store", "Connection": "close",
  ]
}
