/// Reads http and https URLs as browsers do: the URL Standard of the WHATWG ("basic URL parser"), without
/// what concerns other schemes, setters and fragments. libcurl's own parser follows RFC 3986 and takes
/// neither backslashes for slashes nor tabs for nothing, which links on real pages have.
struct URLParser {
  private var rest: ArraySlice<UInt8>
  /// How a page's query is written, where that is not UTF-8.
  private let charset: Charset?

  /// The parts of an absolute URL, or of a link relative to `base`; `nil` for what browsers refuse and for
  /// other schemes.
  static func parts(_ text: String, base: URLParts?, charset: Charset?) -> URLParts? {
    func isBlankOrControl(_ byte: UInt8) -> Bool { byte <= 0x20 }
    var bytes = Array(text.utf8.drop(while: isBlankOrControl))
    while let last = bytes.last, isBlankOrControl(last) { bytes.removeLast() }
    bytes.removeAll { $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
    var parser = URLParser(rest: bytes[...], charset: charset)
    return parser.parse(base)
  }

  private mutating func parse(_ base: URLParts?) -> URLParts? {
    guard let scheme = takeScheme() else { return base.flatMap { relative(to: $0) } }
    guard scheme == "http" || scheme == "https" else { return nil }
    // "https:page.pdf" on a page of the same scheme is a relative link.
    if let base, base.scheme == scheme, !rest.starts(with: "//".utf8) { return relative(to: base) }
    return absolute(scheme)
  }

  private mutating func takeScheme() -> String? {
    guard let first = rest.first, Self.isLetter(first),
      let end = rest.firstIndex(where: { !Self.isSchemeByte($0) }), rest[end] == UInt8(ascii: ":")
    else { return nil }
    defer { rest = rest[(end + 1)...] }
    return String(decoding: rest[..<end], as: UTF8.self).lowercased()
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

  private static func isSchemeByte(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || "+-.".utf8.contains(byte)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isSlash(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\")
  }

  private static func endsPath(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
  }

  private mutating func relative(to base: URLParts) -> URLParts? {
    var parts = base
    switch rest.first {
    case nil, UInt8(ascii: "#"): return parts
    case UInt8(ascii: "?"): parts.query = takeQuery()
    case let first? where Self.isSlash(first):
      if let second = rest.dropFirst().first, Self.isSlash(second) { return absolute(base.scheme) }
      parts.path = []
      takePathAndQuery(into: &parts)
    default:
      parts.path.removeLast()
      takePathAndQuery(into: &parts)
    }
    return parts
  }

  /// What follows the scheme, however many slashes stand between.
  private mutating func absolute(_ scheme: String) -> URLParts? {
    rest = rest.drop(while: Self.isSlash)
    let end = rest.firstIndex { Self.isSlash($0) || Self.endsPath($0) } ?? rest.endIndex
    var authority = rest[..<end]
    rest = rest[end...]
    var parts = URLParts(scheme: scheme, path: [])
    if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
      let info = authority[..<at].split(
        separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
      parts.user = Self.encoded(info[0], Self.isEncodedInUserinfo)
      parts.password = info.count > 1 ? Self.encoded(info[1], Self.isEncodedInUserinfo) : ""
      authority = authority[(at + 1)...]
    }
    let bracket = authority.firstIndex(of: UInt8(ascii: "]")) ?? authority.startIndex
    let colon = authority[bracket...].firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
    guard colon > authority.startIndex, let host = URLHost.parse(authority[..<colon]),
      let port = Self.port(authority[colon...].dropFirst(), scheme)
    else { return nil }
    parts.host = host
    parts.port = port.number
    takePathAndQuery(into: &parts)
    return parts
  }

  /// `nil` for what is no port; one without a number for the scheme's own.
  private static func port(_ digits: ArraySlice<UInt8>, _ scheme: String) -> (number: Int?, Void)? {
    guard digits.allSatisfy(isDigit) else { return nil }
    guard !digits.isEmpty else { return (nil, ()) }
    let significant = digits.drop { $0 == 0x30 }
    guard significant.count <= 5 else { return nil }
    let number = significant.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    guard number <= 65535 else { return nil }
    return (number == URLParts.defaultPort(scheme) ? nil : number, ())
  }

  private mutating func takePathAndQuery(into parts: inout URLParts) {
    if let first = rest.first, Self.isSlash(first) { rest = rest.dropFirst() }
    var isOver = false
    while !isOver {
      let end = rest.firstIndex { Self.isSlash($0) || Self.endsPath($0) } ?? rest.endIndex
      let segment = Self.encoded(rest[..<end], Self.isEncodedInPath)
      isOver = end == rest.endIndex || Self.endsPath(rest[end])
      rest = isOver ? rest[end...] : rest[(end + 1)...]
      switch Self.dots(segment) {
      case "..":
        if !parts.path.isEmpty { parts.path.removeLast() }
        if isOver { parts.path.append("") }
      case ".": if isOver { parts.path.append("") }
      default: parts.path.append(segment)
      }
    }
    parts.query = takeQuery()
  }

  /// What a segment means that consists of dots, however they are written; "" for any other.
  private static func dots(_ segment: String) -> String {
    // "%2e%2e" is the longest that means anything.
    guard let first = segment.utf8.first, first == UInt8(ascii: ".") || first == UInt8(ascii: "%"),
      segment.utf8.count <= 6
    else { return "" }
    return segment.lowercased().replacing("%2e", with: ".")
  }

  /// What is between `?` and `#`; the fragment is never sent.
  private mutating func takeQuery() -> String? {
    guard rest.first == UInt8(ascii: "?") else { return nil }
    let query = rest.dropFirst().prefix { $0 != UInt8(ascii: "#") }
    guard let charset, !query.allSatisfy({ $0 < 0x80 }) else {
      return Self.encoded(query, Self.isEncodedInQuery)
    }
    return Self.encoded(
      charset.encoded(String(decoding: query, as: UTF8.self))[...], Self.isEncodedInQuery)
  }

  // MARK: Percent-encode sets. A percent sign stays as it is, whatever follows it.

  private static func isEncodedAnywhere(_ byte: UInt8) -> Bool { byte <= 0x20 || byte >= 0x7F }

  private static func isEncodedInQuery(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "#"), UInt8(ascii: "<"), UInt8(ascii: ">"),
      UInt8(ascii: "'"):
      true
    default: isEncodedAnywhere(byte)
    }
  }

  private static func isEncodedInPath(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "#"), UInt8(ascii: "<"), UInt8(ascii: ">"),
      UInt8(ascii: "?"), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "{"),
      UInt8(ascii: "}"):
      true
    default: isEncodedAnywhere(byte)
    }
  }

  private static func isEncodedInUserinfo(_ byte: UInt8) -> Bool {
    isEncodedInPath(byte) || "/:;=@[\\]|".utf8.contains(byte)
  }

  private static let digits = Array("0123456789ABCDEF".utf8)

  private static func encoded(_ bytes: ArraySlice<UInt8>, _ isEncoded: (UInt8) -> Bool) -> String {
    guard bytes.contains(where: isEncoded) else { return String(decoding: bytes, as: UTF8.self) }
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count)
    for byte in bytes {
      if isEncoded(byte) {
        text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      } else {
        text.append(byte)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// An http or https URL in its parts, each as it is sent: ASCII, percent-encoded where it has to be.
struct URLParts: Sendable, Hashable {
  var scheme = ""
  var user = ""
  var password = ""
  var host = ""
  /// `nil` for the scheme's own.
  var port: Int?
  /// Between the slashes; never empty.
  var path: [String] = [""]
  /// What follows the question mark; `nil` without one.
  var query: String?

  static func defaultPort(_ scheme: String) -> Int { scheme == "https" ? 443 : 80 }

  var hasCredentials: Bool { !user.isEmpty || !password.isEmpty }

  /// The URL without its fragment, with `userinfo` in front of the host.
  func text(userinfo: String) -> String {
    let colon = port.map { ":\($0)" } ?? ""
    let mark = query.map { "?\($0)" } ?? ""
    return "\(scheme)://\(userinfo)\(host)\(colon)/\(path.joined(separator: "/"))\(mark)"
  }

  var text: String {
    guard hasCredentials else { return text(userinfo: "") }
    return text(userinfo: password.isEmpty ? "\(user)@" : "\(user):\(password)@")
  }
}
