import Common

/// What a robots.txt says to us, as RFC 9309 has it read, with the `Crawl-delay` that it does not know and many files
/// have. Pure.
///
/// All groups that name us count together, or else all that are for everybody (section 2.2.1). Of the rules that a path
/// matches, the longest pattern decides, and `Allow` where two are as long (2.2.2).
struct RobotsFile: Sendable, Equatable {
  /// Bytes that are read of a file (section 2.5 asks for 500 KiB at least).
  static let maximumBytes = 512 << 10
  /// The longest delay that is heard, in seconds: as with `Retry-After`.
  static let longestDelay = 3600.0
  /// Rules of a file that are kept; no real one has as many.
  private static let maximumRules = 10_000

  struct Rule: Sendable, Equatable {
    /// Percent-encoded in one way, with `*` and a final `$`.
    let pattern: [UInt8]
    let allows: Bool

    var text: String { String(decoding: pattern, as: UTF8.self) }
  }

  private(set) var rules: [Rule] = []
  /// Seconds between two requests; the longest, where there are several.
  private(set) var delay: Double?

  /// A file that says nothing.
  init() {}

  /// Reads a file for the program that calls itself `agent`, as in `User-Agent: agent/1.0`.
  init(_ bytes: some Collection<UInt8>, for agent: String) {
    var own = RobotsFile()
    var everybody = RobotsFile()
    var isNamed = false
    /// Whom the group is for that the line belongs to: us by name, everybody.
    var group = (own: false, all: false)
    var isInHead = false
    let name = Self.productToken(agent)
    for line in Self.lines(bytes) {
      guard let (key, value) = Self.member(line) else { continue }
      switch key {
      case "user-agent":
        if !isInHead { group = (false, false) }
        isInHead = true
        if value == [UInt8(ascii: "*")] || value.starts(with: "* ".utf8) { group.all = true }
        let token = Self.productToken(String(decoding: value, as: UTF8.self))
        if !token.isEmpty, token == name { group.own = true }
        isNamed = isNamed || group.own
      case "allow", "disallow", "crawl-delay":
        isInHead = false
        if group.own { own.add(key, value) }
        if group.all { everybody.add(key, value) }
      default: continue
      }
    }
    self = isNamed ? own : everybody
  }

  private mutating func add(_ key: String, _ value: [UInt8]) {
    guard key != "crawl-delay" else {
      let text = String(decoding: value, as: UTF8.self)
      guard text.first?.isNumber == true || text.first == ".", let seconds = Double(text),
        seconds.isFinite, seconds > 0
      else { return }
      delay = max(delay ?? 0, min(seconds, Self.longestDelay))
      return
    }
    // An empty pattern matches nothing: `Disallow:` allows all.
    guard !value.isEmpty, rules.count < Self.maximumRules else { return }
    rules.append(Rule(pattern: Self.normalized(value), allows: key == "allow"))
  }

  /// The rule that forbids a path with its query; `nil` where it may be asked for.
  func forbids(_ path: String) -> Rule? {
    let path = Self.normalized(Array(path.utf8))
    guard !path.elementsEqual("/robots.txt".utf8) else { return nil }
    var found: Rule?
    for rule in rules where Self.matches(rule.pattern, path) {
      let length = found?.pattern.count ?? -1
      if rule.pattern.count > length || rule.pattern.count == length && rule.allows { found = rule }
    }
    return found?.allows == false ? found : nil
  }

  /// The letters, `-` and `_` that a name begins with (section 2.2.1), in lower case.
  private static func productToken(_ text: String) -> String {
    text.prefix { $0.isASCII && $0.isLetter || $0 == "-" || $0 == "_" }.lowercased()
  }

  private static func lines(_ bytes: some Collection<UInt8>) -> [ArraySlice<UInt8>] {
    var bytes = Array(bytes.prefix(maximumBytes))[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    return bytes.split { $0 == 0x0A || $0 == 0x0D }
  }

  /// `key: value` without the comment; the colon is often forgotten.
  private static func member(_ line: ArraySlice<UInt8>) -> (key: String, value: [UInt8])? {
    let line = line.prefix { $0 != UInt8(ascii: "#") }
    let sign = line.firstIndex(of: UInt8(ascii: ":"))
    let words = sign == nil ? line.split { $0 <= 0x20 } : []
    guard let colon = sign ?? (words.count == 2 ? words[0].endIndex : nil) else { return nil }
    let key = String(decoding: trimmed(line[..<colon]), as: UTF8.self).lowercased()
    return (key, Array(trimmed(line[(colon + 1)...])))
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let tail = bytes.drop { $0 <= 0x20 }
    return tail.lastIndex { $0 > 0x20 }.map { tail[...$0] } ?? []
  }

  /// Bytes beyond ASCII, blanks and controls are percent-encoded; what is encoded without need is decoded, and digits of
  /// the rest are upper case (section 2.2.2, "octets … MUST be compared … percent-encoded").
  private static func normalized(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "%"), index + 2 < bytes.count,
        let value = UInt8(
          String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
      {
        text += isUnreserved(value) ? [value] : encoded(value)
        index += 3
        continue
      }
      text += byte <= 0x20 || byte >= 0x7F ? encoded(byte) : [byte]
      index += 1
    }
    return text
  }

  private static func encoded(_ byte: UInt8) -> [UInt8] {
    let digits = String(byte, radix: 16, uppercase: true)
    return Array("%\(digits.count < 2 ? "0" : "")\(digits)".utf8)
  }

  /// RFC 3986, section 2.3.
  private static func isUnreserved(_ byte: UInt8) -> Bool {
    let character = Character(Unicode.Scalar(byte))
    return byte < 0x80 && (character.isLetter || character.isNumber || "-._~".contains(character))
  }

  /// Whether a path begins with what a pattern describes: `*` is any bytes, a final `$` the end. In time of the product
  /// of their lengths at most, whatever stands in them: each star is only ever extended from the last one on.
  private static func matches(_ pattern: [UInt8], _ path: [UInt8]) -> Bool {
    let isWhole = pattern.last == UInt8(ascii: "$")
    let pattern = isWhole ? pattern.dropLast() : pattern[...]
    var (at, place) = (pattern.startIndex, 0)
    var star: (at: Int, place: Int)?
    while true {
      if at < pattern.endIndex, pattern[at] == UInt8(ascii: "*") {
        star = (at + 1, place)
        at += 1
      } else if at == pattern.endIndex, !isWhole || place == path.count {
        return true
      } else if at < pattern.endIndex, place < path.count, pattern[at] == path[place] {
        (at, place) = (at + 1, place + 1)
      } else if let last = star, last.place < path.count {
        star = (last.at, last.place + 1)
        (at, place) = (last.at, last.place + 1)
      } else {
        return false
      }
    }
  }
}
