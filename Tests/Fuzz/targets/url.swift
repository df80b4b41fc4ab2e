import Common
import HTTP
@testable import fetch

private let rule = LinkRule(hosts: ["files.example.org"])
private let origins = ["http://portal.example.org/a/b?c", "https://portal.example.org:8443/"]
  .compactMap { WebURL($0) }

/// A link of any bytes leads to the portal's own hosts or nowhere, and a URL means the same when it
/// is read again.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  let text = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
  if let url = WebURL(text) {
    precondition(url.scheme == "http" || url.scheme == "https")
    guard let again = WebURL(url.description) else { preconditionFailure(url.description) }
    precondition(again.origin == url.origin && again.scheme == url.scheme)
    if url.hasCredentials {
      precondition(url.redacted.utf8.starts(with: "\(url.scheme)://***@".utf8))
      precondition(WebURL(url.redacted)?.origin == url.origin)
    }
  }
  for origin in origins {
    guard let url = try? rule.follow(text, from: origin) else { continue }
    precondition(!url.hasCredentials)
    precondition(url.scheme == "https" || origin.scheme == "http")
    precondition([origin.host, "files.example.org"].contains(url.host))
  }
  return 0
}
