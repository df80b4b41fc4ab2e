/// A request that we do not answer as asked.
struct BadRequest: Error, Equatable, CustomStringConvertible {
  /// The status to answer with.
  let status: Int
  /// One sentence for people.
  let reason: String
  var description: String { reason }

  init(_ status: Int, _ reason: String) {
    self.status = status
    self.reason = reason
  }
}

/// A request: GET or HEAD without a body, or, of the sites, POST with one.
struct Request: Sendable, Equatable {
  enum Method: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
  }

  /// What takes forms: all that begins so.
  static let sites = "/sites/"
  /// Bytes of the largest body that is read.
  static let maximumBody = 64 << 10

  let method: Method
  /// Percent-decoded.
  let path: String
  /// As sent, without the question mark.
  let query: String
  /// Names in lower case; a name that came twice has its values joined by a comma.
  let headers: [String: String]
  /// Whether the client wants to go on with this connection.
  let keepsAlive: Bool
  /// Bytes of the body, which follow the head.
  let bodyLength: Int
  var body: [UInt8] = []

  var isHead: Bool { method == .head }

  /// Reads a head without its empty last line (RFC 9112, sections 2 to 5).
  init(parsing head: [UInt8]) throws(BadRequest) {
    guard let text = String(validating: head, as: UTF8.self),
      !text.unicodeScalars.contains(where: {
        $0.value < 32 && !"\r\n\t".unicodeScalars.contains($0)
      })
    else { throw BadRequest(400, "The request holds bytes that do not belong there.") }
    // The pair CR LF is one Character.
    let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
    guard !lines.contains(where: { $0.contains { $0 == "\r" || $0 == "\n" } }) else {
      throw BadRequest(400, "A line of the request does not end in CR LF.")
    }
    let parts = lines[0].split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty else {
      throw BadRequest(400, "The request line is not method, target and version.")
    }
    guard parts[2] == "HTTP/1.1" || parts[2] == "HTTP/1.0" else {
      throw parts[2].hasPrefix("HTTP/")
        ? BadRequest(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
        : BadRequest(400, "The request line does not end in a version.")
    }
    guard let method = Method(rawValue: String(parts[0])) else {
      throw BadRequest(405, "Only GET and HEAD are answered.")
    }
    let headers = try Self.fields(lines.dropFirst())
    guard parts[2] == "HTTP/1.0" || headers["host"] != nil else {
      throw BadRequest(400, "The request has no Host.")
    }
    self.method = method
    (path, query) = try Self.target(parts[1])
    guard method != .post || path.hasPrefix(Self.sites) else {
      throw BadRequest(405, "Only GET and HEAD are answered.")
    }
    self.headers = headers
    bodyLength = method == .post ? try Self.length(headers) : 0
    let wish = headers["connection"]?.lowercased() ?? ""
    // No other body is read; the next request could not be told from it.
    let hasBody =
      method != .post
      && (headers["transfer-encoding"] != nil
        || headers["content-length"].map { $0 != "0" } ?? false)
    keepsAlive =
      !hasBody
      && (parts[2] == "HTTP/1.1" ? !wish.contains("close") : wish.contains("keep-alive"))
  }

  private static func length(_ headers: [String: String]) throws(BadRequest) -> Int {
    guard let length = headers["content-length"].flatMap(Int.init), length >= 0 else {
      throw BadRequest(411, "The request does not say how long its body is.")
    }
    guard length <= maximumBody else {
      throw BadRequest(413, "The body has more than \(maximumBody) bytes.")
    }
    return length
  }

  private static func target(
    _ target: Substring
  ) throws(BadRequest) -> (path: String, query: String) {
    var target = target
    if target.hasPrefix("http://") {
      target = target.dropFirst(7).drop { $0 != "/" }
    }
    guard target.first == "/" else { throw BadRequest(400, "The target is not a path.") }
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    return (Query.decoded(parts[0], isForm: false), parts.count > 1 ? String(parts[1]) : "")
  }

  private static func fields(
    _ lines: ArraySlice<Substring>
  ) throws(BadRequest) -> [String: String] {
    var fields: [String: String] = [:]
    for line in lines {
      guard let colon = line.firstIndex(of: ":"), colon > line.startIndex,
        !line[..<colon].contains(where: { $0 == " " || $0 == "\t" })
      else { throw BadRequest(400, "A header line is not name, colon and value.") }
      let value = line[line.index(after: colon)...].trimmed()
      let name = line[..<colon].lowercased()
      fields[name] = fields[name].map { "\($0), \(value)" } ?? value
    }
    return fields
  }
}

extension StringProtocol {
  /// Without blanks and tabs at its ends.
  func trimmed() -> String {
    let start = drop { $0 == " " || $0 == "\t" }
    let end = start.reversed().drop { $0 == " " || $0 == "\t" }
    return String(end.reversed())
  }
}

/// The parameters of a query (application/x-www-form-urlencoded), as lenient as PHP reads them.
struct Query: Sendable {
  private var values: [String: String] = [:]

  /// Of a name that comes twice, the last value counts.
  init(_ text: String) {
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      values[Self.decoded(parts[0])] = parts.count > 1 ? Self.decoded(parts[1]) : ""
    }
  }

  /// The value without blanks at its ends; `nil` where the parameter is missing.
  subscript(name: String) -> String? { values[name]?.trimmed() }

  /// Resolves `%41` and, in forms, `+`. What is no escape stays as it is.
  static func decoded(_ text: Substring, isForm: Bool = true) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = hexPair(rest) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(isForm && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func hexPair(_ bytes: ArraySlice<UInt8>) -> UInt8? {
    let digits = bytes.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    return digits.count == 2 ? UInt8(digits[0] * 16 + digits[1]) : nil
  }
}
