/// Shows URLs, connection strings and whatever else was set or received without the secrets in it
/// (promise P13). Pure.
///
/// What can be read as RFC 3986 has it keeps all but its user and password:
/// `postgres://***@db/madison`. What looks like a secret and cannot be read that way may hold it
/// anywhere, and is shown as its scheme alone: `postgres://me:pa/ss@db` is `postgres://***`. Values
/// whose name says that they are secret (`password=`, `X-Amz-Signature=`, `Authorization:`) are `***`.
package enum SecretRedactor {
  /// A text for people in which URLs, settings or header fields may be quoted.
  package static func message(_ text: String) -> String {
    let text = KnownSecrets.hidden(in: text)
    guard text.utf8.contains(where: { $0 == Byte.at || $0 == Byte.equals || $0 == Byte.colon })
    else { return hidingTokens(text) }
    let urls = SecretURLs.hidden(in: Array(text.utf8))
    return hidingTokens(String(decoding: SecretValues.hidden(in: urls), as: UTF8.self))
  }

  /// A URL that was read already, and whose user and password are hidden: without what its query
  /// has of secrets.
  package static func query(of url: String) -> String {
    if isPlainAddress(url) { return url }
    return String(decoding: SecretValues.hidden(in: Array(url.utf8)), as: UTF8.self)
  }

  /// The whole value of one setting: a URL, a connection string, or a plain text.
  package static func setting(_ text: String) -> String {
    if isPlainAddress(text) { return text }
    guard looksSecret(text) else { return text }
    let bytes = Array(text.utf8)
    if SecretURLs.isPlain(bytes) {
      let shown = SecretValues.hidden(in: SecretURLs.hidden(in: bytes))
      return String(decoding: shown, as: UTF8.self)
    }
    return SecretURLs.scheme(of: bytes).map { "\($0)://***" } ?? "***"
  }

  /// Whether a text is an address in which nothing can be a secret, as those of most documents are: a server, perhaps
  /// a port, and a path without signs. Told at once, because it is asked for each document.
  package static func isPlainAddress(_ text: String) -> Bool {
    var text = text
    return text.withUTF8(isPlainAddress)
  }

  private static func isPlainAddress(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var place = 0
    func isNext(_ word: StaticString) -> Bool {
      guard bytes.count - place >= word.utf8CodeUnitCount else { return false }
      for index in 0..<word.utf8CodeUnitCount
      where bytes[place + index] != word.utf8Start[index] { return false }
      place += word.utf8CodeUnitCount
      return true
    }
    func skip(_ isWanted: (UInt8) -> Bool) -> Range<Int> {
      let start = place
      while place < bytes.count, isWanted(bytes[place]) { place += 1 }
      return start..<place
    }
    guard isNext("http") else { return false }
    if place < bytes.count, bytes[place] == UInt8(ascii: "s") { place += 1 }
    guard isNext("://") else { return false }
    let host = skip { Byte.isWord($0) || $0 == 0x2D || $0 == 0x2E }
    guard !host.isEmpty else { return false }
    if isNext(":") {
      guard (1...5).contains(skip(Byte.isDigit).count) else { return false }
      // A server may have a name like a secret's: `token:8080`.
      let start = Array(bytes[..<place])
      guard bytes[host].allSatisfy({ $0 < 0x3A }) || SecretValues.hidden(in: start) == start
      else { return false }
    }
    guard place == bytes.count || bytes[place] == Byte.slash else { return false }
    _ = skip { byte in
      switch byte {
      case Byte.slash, 0x25, 0x2B, 0x2D, 0x2E, 0x5F, 0x7E: true
      default: Byte.isWord(byte)
      }
    }
    return place == bytes.count
  }

  /// An address that is refused, in quotes: where it has an `@`, what is before it may be a secret, wherever a
  /// reader would look for a host, so only its scheme is shown.
  package static func refused(_ address: String) -> String {
    guard address.utf8.contains(Byte.at) else { return Format.quoted(setting(address)) }
    let scheme = SecretURLs.scheme(of: Array(address.utf8)).map { "\($0)://" } ?? ""
    return Format.quoted("\(scheme)***")
  }

  /// Whether the value of a setting may hold a secret: a user before an @, a value with the name of
  /// a secret, or a URL that cannot be read.
  package static func looksSecret(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    if SecretURLs.holdsUser(bytes) || SecretURLs.hidden(in: bytes) != bytes { return true }
    return SecretValues.hidden(in: bytes) != bytes
  }

  /// Whether a text is the address of a server rather than a path: a URL with `//`, a connection
  /// string of libpq (`host=… dbname=…`, as the PostgreSQL manual has it in 34.1.1.1), or anything
  /// that may hold a secret.
  package static func looksLikeAddress(_ text: String) -> Bool {
    SecretURLs.scheme(of: Array(text.utf8)) != nil && text.contains("://")
      || SecretValues.isConnectionString(text) || looksSecret(text)
  }

  /// Whether the value of a setting holds a secret, but it is not certain where: `me:a@b@host` has
  /// two readings.
  package static func isAmbiguous(_ text: String) -> Bool {
    looksSecret(text) && !SecretURLs.isPlain(Array(text.utf8))
  }

  /// `Bearer TOKEN`, wherever it stands.
  private static func hidingTokens(_ text: String) -> String {
    guard text.contains("earer ") || text.contains("EARER ") || text.contains("Basic ") else {
      return text
    }
    var words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    for index in words.indices.dropFirst() {
      let name = words[index - 1].lowercased()
      let word = words[index]
      if name.hasSuffix("bearer"), word.utf8.count >= 8 { words[index] = "***" }
      // Base64 of `user:password`, and not the word "authentication".
      if name.hasSuffix("basic"), word.utf8.count >= 8,
        word.hasSuffix("=") || word.contains(where: \.isNumber)
      {
        words[index] = "***"
      }
    }
    return words.joined(separator: " ")
  }
}

/// Bytes that have a meaning in URLs and settings.
enum Byte {
  static let at = UInt8(ascii: "@")
  static let colon = UInt8(ascii: ":")
  static let slash = UInt8(ascii: "/")
  static let equals = UInt8(ascii: "=")
  static let quote = UInt8(ascii: "\"")
  static let apostrophe = UInt8(ascii: "'")
  static let backslash = UInt8(ascii: "\\")

  static func isBlank(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0x7F }

  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

  static func isWord(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }
}
