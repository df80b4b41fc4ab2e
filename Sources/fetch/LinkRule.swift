import Common
import Transfer

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
      throw RecordError(.blockedURL, "a link that is no http or https URL: \(shown)")
    }
    guard !url.hasCredentials else {
      throw RecordError(.blockedURL, "a link with a password in it: \(url.redacted)")
    }
    guard !(origin.scheme == "https" && url.scheme == "http") else {
      throw RecordError(.blockedURL, "a link from https down to http: \(url)")
    }
    // The same host on another port is another server, but for the step from http to https.
    let isSameServer =
      url.host == origin.host
      && (url.port == origin.port || (origin.port == 80 && url.port == 443))
    guard isSameServer || hosts.contains(url.host) || hosts.contains(url.origin) else {
      throw RecordError(
        .blockedURL,
        "a link from \(origin.origin) to \(url.origin), which the portal file does not name")
    }
    return url
  }
}
