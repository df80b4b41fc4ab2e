import CCurl

/// An absolute http or https URL, read by libcurl itself, so that what is checked is what is asked for.
public struct WebURL: Sendable, Hashable, CustomStringConvertible {
  /// `http` or `https`.
  public let scheme: String
  /// Lower case; numeric forms of IPv4 addresses are brought to four decimal numbers.
  public let host: String
  /// The port, the scheme's own where none is written.
  public let port: Int
  /// Host and port.
  public let origin: String
  /// What one polite budget is kept for: the host, and its port unless that is one of the two of the web, which
  /// the same server answers. A dot at the end of a name changes nothing (RFC 1034, section 3.1).
  public var budget: String {
    let name = host.hasSuffix(".") ? String(host.dropLast()) : host
    return port == 80 || port == 443 ? name : "\(name):\(port)"
  }
  /// Whether a user or a password is in it.
  public let hasCredentials: Bool
  /// The whole URL without its fragment.
  public let description: String
  /// The URL for people and records: without user and password.
  public let redacted: String

  /// Reads an absolute URL. `nil` for anything that is not http or https with a host.
  public init?(_ text: String) { self.init(text, relativeTo: nil) }

  /// Reads a link as a page or a redirect has it, relative to `base` (RFC 3986, section 5).
  public init?(_ text: String, relativeTo base: WebURL?) {
    guard !text.isEmpty, text.utf8.count <= 8192,
      !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }),
      let url = curl_url()
    else { return nil }
    defer { curl_url_cleanup(url) }
    if let base, curl_url_set(url, CURLUPART_URL, base.description, 0) != CURLUE_OK { return nil }
    // Blanks are written into links by hand; browsers encode them, and so does this.
    guard curl_url_set(url, CURLUPART_URL, text, UInt32(CURLU_URLENCODE)) == CURLUE_OK,
      let scheme = Self.part(url, CURLUPART_SCHEME), scheme == "http" || scheme == "https",
      let host = Self.part(url, CURLUPART_HOST), !host.isEmpty,
      let port = Self.part(url, CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)).flatMap(Int.init)
    else { return nil }
    curl_url_set(url, CURLUPART_FRAGMENT, nil, 0)
    guard let whole = Self.part(url, CURLUPART_URL) else { return nil }
    self.scheme = scheme
    self.host = host.lowercased()
    self.port = port
    origin = "\(self.host):\(port)"
    hasCredentials =
      whole.utf8.contains(UInt8(ascii: "@"))
      && (Self.part(url, CURLUPART_USER) != nil || Self.part(url, CURLUPART_PASSWORD) != nil)
    description = whole
    redacted = hasCredentials ? Self.redacted(whole, scheme) : whole
  }

  /// `whole` without user and password. Looks at bytes: to Swift, an @ with a combining mark behind it is
  /// another character.
  private static func redacted(_ whole: String, _ scheme: String) -> String {
    let rest = whole.utf8.dropFirst("\(scheme)://".utf8.count)
    let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
    let at = authority.lastIndex(of: UInt8(ascii: "@")) ?? authority.endIndex
    return "\(scheme)://***\(Substring(rest[at...]))"
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
  public static func credentials(in text: String) -> (user: String, password: String)? {
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
