import Common
import HTTP

/// Where a browser would go on from a page by itself: what stands in front of a scan at many portals.
struct PageLink: Equatable {
  /// As the page has it.
  var address: String
  /// Seconds that a browser would wait before.
  var delay = 0.0

  /// A page that comes again later than this is one that keeps itself fresh, and leads nowhere.
  private static let longestDelay = 30.0
  /// Frames that are looked at.
  private static let maximumFrames = 20

  /// All places that are shown within the page or instead of it, the likeliest first: what says that it is a
  /// PDF, then frames, then what the page gives way to.
  static func candidates(
    on page: borrowing HTMLPage, _ follow: PortalStep.Follow? = nil
  ) throws -> [PageLink] {
    let embedded = try page.texts(
      """
      (//embed | //object | //iframe)[contains(@type, 'application/pdf')]/@*[name() = 'src' \
      or name() = 'data']
      """, limit: maximumFrames)
    let framed = try page.texts(
      "//frame/@src | //iframe/@src | //embed/@src | //object/@data", limit: maximumFrames)
    // Of several frames only one that is named like a PDF can be told from a menu.
    let named = framed.filter { $0.lowercased().contains("pdf") }
    let only = Set(framed).count == 1 ? framed : []
    let refreshes = try page.texts(
      "//meta[translate(@http-equiv, 'REFSH', 'refsh') = 'refresh']/@content", limit: 5)
    let frames = (embedded + named + only).map { PageLink(address: $0) }
    let later = refreshes.compactMap(PageLink.init(refresh:))
    return switch follow {
    case nil: frames + later
    case .frame: frames
    case .refresh: later
    }
  }

  /// Reads `5; url='next.php'` (HTML Standard, "shared declarative refresh steps").
  init?(refresh text: String) {
    var rest = text.drop(while: \.isWhitespace)
    let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
    rest = rest.dropFirst(number.count).drop(while: \.isWhitespace)
    guard let delay = Double(number.isEmpty ? "0" : number), delay <= Self.longestDelay,
      let mark = rest.first, mark == ";" || mark == ","
    else { return nil }
    rest = rest.dropFirst().drop(while: \.isWhitespace)
    if rest.prefix(3).lowercased() == "url" {
      let value = rest.dropFirst(3).drop(while: \.isWhitespace)
      if value.first == "=" { rest = value.dropFirst().drop(while: \.isWhitespace) }
    }
    if let quote = rest.first, quote == "'" || quote == "\"" {
      rest = rest.dropFirst().prefix { $0 != quote }
    }
    guard !rest.isEmpty else { return nil }
    address = String(rest)
    self.delay = delay
  }

  init(address: String) { self.address = address }
}

/// Where a link in a page, or a redirect, may lead. What the operator writes may point anywhere; what a
/// server says may not (docs/promises.md, "Security").
struct LinkRule: Sendable {
  /// Hosts that the portal file names besides the one that was asked.
  let hosts: [String]

  /// The link's URL, or why it is not followed. `base` is what the page has its links relative to, `charset`
  /// how the page is written; where it may lead depends on where the page itself came from.
  func follow(
    _ link: String, from origin: WebURL, base: WebURL? = nil, charset: Charset? = nil
  ) throws(RecordError) -> WebURL {
    guard let url = WebURL(link, relativeTo: base ?? origin, charset: charset) else {
      let shown = link.utf8.contains(UInt8(ascii: "@")) ? "***" : Format.quoted(link)
      throw RecordError(.blockedURL, "the link is not an http or https URL: \(shown)")
    }
    guard !url.hasCredentials else {
      throw RecordError(.blockedURL, "the link contains a password: \(url.redacted)")
    }
    guard !(origin.scheme == "https" && url.scheme == "http") else {
      throw RecordError(.blockedURL, "the link leads from https to http: \(url)")
    }
    // The same host on another port is another server, but for the step from http to https.
    let isSameServer =
      url.host == origin.host
      && (url.port == origin.port || (origin.port == 80 && url.port == 443))
    guard isSameServer || hosts.contains(url.host) || hosts.contains(url.origin) else {
      throw RecordError(
        .blockedURL,
        "the link leads from \(origin.origin) to \(url.origin), which the portal file does not list"
      )
    }
    return url
  }
}
