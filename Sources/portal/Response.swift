import Common

/// An answer, before a fault has its way with it.
struct Response: Sendable {
  let status: Int
  private(set) var headers: [(name: String, value: String)] = []
  let body: ArraySlice<UInt8>

  init(_ status: Int, _ contentType: String?, body: ArraySlice<UInt8> = []) {
    self.status = status
    self.body = body
    if let contentType { headers.append(("Content-Type", contentType)) }
  }

  /// A page for people.
  init(_ status: Int = 200, html: String) {
    self.init(status, "text/html; charset=UTF-8", body: Array(html.utf8)[...])
  }

  /// The same answer with one more header.
  func adding(_ name: String, _ value: String) -> Response {
    var response = self
    response.headers.append((name, value))
    return response
  }

  /// Status line and headers with the empty line at their end.
  func head(keepsAlive: Bool) -> [UInt8] {
    var text = "HTTP/1.1 \(status) \(Self.phrases[status] ?? "Status")\r\n"
    text += "Date: \(HTTPDate.text(Time.wall()))\r\nServer: sample-portal\r\n"
    for header in headers { text += "\(header.name): \(header.value)\r\n" }
    // An answer 304 has no body and says nothing about its length (RFC 9110, section 8.6).
    if status != 304 { text += "Content-Length: \(body.count)\r\n" }
    text += "Connection: \(keepsAlive ? "keep-alive" : "close")\r\n\r\n"
    return Array(text.utf8)
  }

  private static let phrases = [
    200: "OK", 206: "Partial Content", 304: "Not Modified", 400: "Bad Request",
    404: "Not Found", 405: "Method Not Allowed", 416: "Range Not Satisfiable",
    429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
  ]
}
