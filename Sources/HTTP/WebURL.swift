import CCurl
import Common

/// An absolute http or https URL, read as browsers read it (``URLParser``), in the form in which it is sent.
package struct WebURL: Sendable, Hashable, CustomStringConvertible {
  /// Bytes of the longest text that is read as a URL.
  package static let maximumLength = 8192

  private let parts: URLParts
  package let origin: String
  /// What one polite budget is kept for: the host, and its port unless that is one of the two of the web,
  /// which the same server answers. A dot at the end of a name changes nothing (RFC 1034, section 3.1).
  package let budget: String
  /// The whole URL without its fragment.
  package let description: String
  /// The URL for people and records: without user and password, and without what proves a right in
  /// its query (a signature, a token).
  package let redacted: String

  /// `http` or `https`.
  package var scheme: String { parts.scheme }
  /// Lower case; names in punycode, addresses in their usual form.
  package var host: String { parts.host }
  /// The port, the scheme's own where none is written.
  package var port: Int { parts.port ?? URLParts.defaultPort(parts.scheme) }
  /// Whether a user or a password is in it.
  package var hasCredentials: Bool { parts.hasCredentials }

  /// Reads an absolute URL. `nil` for anything that is not http or https with a host.
  package init?(_ text: String) { self.init(text, relativeTo: nil) }

  /// Reads a link as a page or a redirect has it, relative to `base`; a page in another charset than UTF-8
  /// has its links' queries in that.
  package init?(_ text: String, relativeTo base: WebURL?, charset: Charset? = nil) {
    guard text.utf8.count <= Self.maximumLength,
      let parts = URLParser.parts(text, base: base?.parts, charset: charset)
    else { return nil }
    self.parts = parts
    let (host, port) = (parts.host, parts.port ?? URLParts.defaultPort(parts.scheme))
    origin = "\(host):\(port)"
    let name = host.utf8.last == UInt8(ascii: ".") ? String(host.dropLast()) : host
    budget = port == 80 || port == 443 ? name : name == host ? origin : "\(name):\(port)"
    description = parts.text
    redacted = SecretRedactor.query(
      of: parts.hasCredentials ? parts.text(userinfo: "***@") : description)
    guard isReadAlikeByLibcurl else { return nil }
  }

  /// What this URL, as the page where a link was found, is called in the `Referer` of a request for `target`:
  /// without user and password, and to another server only where from (Referrer Policy,
  /// "strict-origin-when-cross-origin"). `nil` from https down to http.
  package func referer(to target: WebURL) -> String? {
    if scheme == "https", target.scheme == "http" { return nil }
    if scheme == target.scheme, origin == target.origin { return parts.text(userinfo: "") }
    return URLParts(scheme: scheme, host: host, port: parts.port).text
  }

  /// libcurl connects to what it reads itself; what was checked has to be the same.
  private var isReadAlikeByLibcurl: Bool {
    guard let url = curl_url() else { return false }
    defer { curl_url_cleanup(url) }
    return curl_url_set(url, CURLUPART_URL, description, 0) == CURLUE_OK
      && Self.part(url, CURLUPART_HOST)?.lowercased() == host
      && Self.part(url, CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)) == "\(port)"
  }

  private static func part(
    _ url: OpaquePointer, _ part: CURLUPart, _ flags: UInt32 = 0
  ) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(url, part, &text, flags) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }

  /// User and password in a URL of any scheme, or without one, as libcurl reads a proxy's.
  package static func credentials(in text: String) -> (user: String, password: String)? {
    guard let url = curl_url() else { return nil }
    defer { curl_url_cleanup(url) }
    let flags = UInt32(CURLU_GUESS_SCHEME) | UInt32(CURLU_NON_SUPPORT_SCHEME)
    guard curl_url_set(url, CURLUPART_URL, text, flags) == CURLUE_OK else { return nil }
    let decoded = UInt32(CURLU_URLDECODE)
    let user = part(url, CURLUPART_USER, decoded)
    let password = part(url, CURLUPART_PASSWORD, decoded)
    return user == nil && password == nil ? nil : (user ?? "", password ?? "")
  }
}
