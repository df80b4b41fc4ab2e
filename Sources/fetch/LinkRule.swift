import Common
import Transfer

/// Where a link in a page, or a redirect, may lead. What the operator writes may point anywhere; what a
/// server says may not (docs/promises.md, "Security").
struct LinkRule: Sendable {
  /// Hosts that the portal file names besides the one that was asked.
  let hosts: [String]

  /// The link's URL, or why it is not followed.
  func follow(_ link: String, from origin: WebURL) throws(RecordError) -> WebURL {
    guard let url = WebURL(link, relativeTo: origin) else {
      throw RecordError(
        .blockedURL, "a link that is no http or https URL: \(Format.quoted(link))")
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
