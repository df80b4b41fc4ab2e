/// Users and passwords in URLs, and before an @ without one. Works on bytes: to Swift, an @ with a
/// combining mark behind it is another character.
enum SecretURLs {
  private static let hiding = Array("***".utf8)
  /// Words of our own messages that stand where a user or a port would.
  private static let placeholders = [Array("USER".utf8), Array("PORT".utf8)]
  /// Schemes whose addresses people also write without `//`.
  private static let schemes: Set<String> = [
    "amqp", "file", "ftp", "gs", "http", "https", "jdbc", "mariadb", "mongodb", "mysql", "postgre",
    "postgres", "postgresql", "redis", "rediss", "s3", "sftp", "socks4", "socks5", "socks5h",
    "sqlite", "ssh",
  ]

  /// The text with `***` for each user and password, and for all of what cannot be read but its
  /// scheme.
  static func hidden(in text: [UInt8]) -> [UInt8] {
    var shown: [UInt8] = []
    var rest = text[...]
    while let found = next(in: rest) {
      shown += rest[..<found.range.lowerBound] + found.replacement
      rest = rest[found.range.upperBound...]
    }
    return shown + rest
  }

  /// Whether a whole setting is a URL that is read in one way only: user and password in the right
  /// characters, and no @ or blank behind them that may belong to the password.
  static func isPlain(_ setting: [UInt8]) -> Bool {
    guard let start = start(ofAddressIn: setting[...]), !setting.contains(where: Byte.isBlank),
      let authority = Authority(setting[start...])
    else { return false }
    return !setting[authority.range.upperBound...].contains(Byte.at)
  }

  /// Whether a setting has an @ that may end a user and a password: with anything but letters before
  /// it, so that a path like `me@home` is none.
  static func holdsUser(_ setting: [UInt8]) -> Bool {
    guard let at = setting.lastIndex(of: Byte.at) else { return false }
    return setting[..<at].contains(Byte.colon)
  }

  /// The scheme of a setting, of which nothing else is shown.
  static func scheme(of setting: [UInt8]) -> String? {
    let end = setting.prefix { Byte.isWord($0) || "+.-".utf8.contains($0) }.endIndex
    guard end > 1, end < setting.count, setting[end] == Byte.colon, Byte.isLetter(setting[0])
    else { return nil }
    let name = String(decoding: setting[..<end], as: UTF8.self).lowercased()
    let hasSlashes = setting[(end + 1)...].starts(with: "//".utf8)
    return hasSlashes || schemes.contains(name) ? name : nil
  }

  private typealias Found = (range: Range<Int>, replacement: [UInt8])

  /// The next thing to hide.
  private static func next(in text: ArraySlice<UInt8>) -> Found? {
    var from = text.startIndex
    while let index = text[from...].firstIndex(where: { $0 == Byte.at || $0 == Byte.slash }) {
      from = index + 1
      if text[index] == Byte.at {
        if let found = withoutSlashes(text, at: index) { return found }
      } else if index > text.startIndex, text[index - 1] == Byte.colon,
        index + 1 < text.endIndex, text[index + 1] == Byte.slash
      {
        let start = index + 2
        let end = text[start...].firstIndex(where: Byte.isBlank) ?? text.endIndex
        if let found = address(text, start..<end) { return found }
        // Clean, up to its end; what stands in it is not looked at again.
        let isFollowedByAnother = text[start..<end].firstRange(of: "://".utf8) != nil
        from = isFollowedByAnother ? start : end
      }
    }
    return nil
  }

  /// What to hide of a URL whose authority begins with `run`, which goes on to the next blank.
  private static func address(_ text: ArraySlice<UInt8>, _ run: Range<Int>) -> Found? {
    guard let authority = Authority(text[run]) else {
      // A password may have a blank in it.
      let later = text[run.upperBound...].prefix(256).lastIndex(of: Byte.at)
      let last = later.map { text[$0...].firstIndex(where: Byte.isBlank) ?? text.endIndex }
      return (run.lowerBound..<trimmed(text, run.lowerBound..<(last ?? run.upperBound)), hiding)
    }
    if let user = authority.user {
      guard !text[authority.range.upperBound..<run.upperBound].contains(Byte.at) else {
        return (run.lowerBound..<trimmed(text, run), hiding)
      }
      return placeholders.contains(Array(text[user])) || text[user].elementsEqual(hiding)
        ? nil : (user, hiding)
    }
    // A host alone may be followed by any path; one with a port could as well be a password's start.
    let mayBePassword = text[authority.range].contains(Byte.colon)
    guard mayBePassword, text[run].contains(Byte.at) else { return nil }
    return (run.lowerBound..<trimmed(text, run), hiding)
  }

  /// `user:password@host` without `//` before it, and what has a scheme alone: `jdbc:oracle:…@`.
  private static func withoutSlashes(_ text: ArraySlice<UInt8>, at: Int) -> Found? {
    let opening = text[..<at].lastIndex { Byte.isBlank($0) || "\"(<".utf8.contains($0) }
    let start = opening.map { $0 + 1 } ?? text.startIndex
    let word = text[start..<at]
    guard let colon = word.firstIndex(of: Byte.colon), word.firstRange(of: "://".utf8) == nil
    else { return nil }
    let name = String(decoding: word[..<colon], as: UTF8.self).lowercased()
    guard schemes.contains(name) else { return (start..<at, hiding) }
    let isPath = ["file", "sqlite"].contains(name) && !word[(colon + 1)...].contains(Byte.colon)
    guard !isPath else { return nil }
    let end = text[at...].firstIndex(where: Byte.isBlank) ?? text.endIndex
    return (colon + 1..<trimmed(text, colon + 1..<end), hiding)
  }

  /// Without the punctuation of the sentence at its end.
  private static func trimmed(_ text: ArraySlice<UInt8>, _ range: Range<Int>) -> Int {
    let punctuation = "\"'):;,.".utf8
    return text[range].lastIndex { !punctuation.contains($0) }.map { $0 + 1 } ?? range.upperBound
  }

  /// Where the authority of a setting begins: behind `scheme://`, or at once where there is none.
  private static func start(ofAddressIn setting: ArraySlice<UInt8>) -> Int? {
    if let slashes = setting.firstRange(of: "://".utf8) { return slashes.upperBound }
    return scheme(of: Array(setting)) == nil ? setting.startIndex : nil
  }
}

/// User, host and port at the beginning of a text, as RFC 3986, section 3.2, has them.
private struct Authority {
  /// All of it.
  let range: Range<Int>
  /// User and password.
  let user: Range<Int>?

  /// `nil` where it cannot be read.
  init?(_ text: ArraySlice<UInt8>) {
    let end = text.firstIndex { "/?#\"".utf8.contains($0) || Byte.isBlank($0) } ?? text.endIndex
    range = text.startIndex..<end
    let authority = text[range]
    let at = authority.lastIndex(of: Byte.at)
    user = at.map { authority.startIndex..<$0 }
    let hosts = authority[(at.map { $0 + 1 } ?? authority.startIndex)...]
    let isUser = { (byte: UInt8) in
      Byte.isWord(byte) || byte >= 0x80 || "-._~%!$&'()*+,;=:".utf8.contains(byte)
    }
    guard user.map({ authority[$0].allSatisfy(isUser) }) ?? true, at == nil || !hosts.isEmpty,
      Self.isHosts(hosts)
    else { return nil }
  }

  /// One host, or several with commas as libpq has them, each with its port.
  private static func isHosts(_ text: ArraySlice<UInt8>) -> Bool {
    text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).allSatisfy { part in
      var host = part
      if host.first == UInt8(ascii: "[") {
        guard let end = host.firstIndex(of: UInt8(ascii: "]")) else { return false }
        host = host[(end + 1)...]
      }
      // What follows a URL in a sentence is not its port: `http://host: no answer`.
      while let last = host.last, "):;.'".utf8.contains(last) { host = host.dropLast() }
      let parts = host.split(separator: Byte.colon, omittingEmptySubsequences: false)
      guard parts.count <= 2 else { return false }
      let port = parts.count == 2 ? parts[1] : []
      return port.allSatisfy(Byte.isDigit) || port.elementsEqual("PORT".utf8)
    }
  }
}
