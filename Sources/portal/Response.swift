import Common
import Glibc

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
    404: "Not Found", 405: "Method Not Allowed", 411: "Length Required",
    413: "Content Too Large", 416: "Range Not Satisfiable",
    429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
  ]
}

extension Response: Equatable {
  static func == (a: Response, b: Response) -> Bool {
    a.status == b.status && a.body == b.body && a.headers.elementsEqual(b.headers, by: ==)
  }
}

/// Dates as HTTP writes them (RFC 9110, section 5.6.7).
enum HTTPDate {
  private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// A wall-clock time in nanoseconds since 1970.
  static func text(_ nanoseconds: Int64) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { Format.padded(String(value), 2) }
    return "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
      + " \(parts.tm_year + 1900) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
      + " GMT"
  }
}

/// How an answer goes out: what to send, when to wait, how to end. Decided here, done by
/// `Connection`.
struct Delivery: Sendable, Equatable {
  enum Step: Sendable, Equatable {
    case send(ArraySlice<UInt8>)
    /// A byte, a pause, a byte, …
    case drip(ArraySlice<UInt8>)
    case wait(seconds: Double)
    /// Ends the connection with RST, as a crashing server or a firewall does.
    case reset
  }

  let steps: [Step]
  /// The status that the client gets to see, if it gets to see one.
  let status: Int?
  let keepsAlive: Bool

  /// `response` for a request, or what `fault` leaves of it. A stall takes `stall` seconds.
  init(_ response: Response, fault: Fault?, isHead: Bool, keepsAlive: Bool, stall: Double) {
    let body = isHead ? [] : response.body
    let wantsMore = keepsAlive && fault.map { $0.kind == .drip || $0.kind.isPage } ?? true
    // The head promises what was asked for; a client learns of the trouble only as it comes.
    let head = Step.send(response.head(keepsAlive: keepsAlive)[...])
    self.keepsAlive = wantsMore
    switch (fault?.kind, fault?.cut(body.count)) {
    case (.reset, nil), (.stall, nil): status = nil
    default: status = response.status
    }
    let all: [Step] =
      switch (fault?.kind, fault?.cut(body.count)) {
      case (.reset, nil): [.reset]
      case (.reset, let cut?): [head, .send(body.prefix(cut)), .reset]
      case (.stall, nil): [.wait(seconds: stall)]
      case (.stall, let cut?): [head, .send(body.prefix(cut)), .wait(seconds: stall)]
      case (.short, let cut): [head, .send(body.prefix(cut ?? 0))]
      case (.drip, _): [head, .drip(body)]
      default: [head, .send(body)]
      }
    steps = all.filter { $0 != .send([]) && $0 != .drip([]) }
  }
}
