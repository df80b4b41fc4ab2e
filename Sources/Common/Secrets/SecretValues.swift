/// Values whose name says that they are secret: `password=…`, `"token": "…"`, `Authorization: …`.
enum SecretValues {
  private static let hiding = Array("***".utf8)
  /// A name with one of these in it is that of a secret.
  private static let telling = [
    "password", "passwd", "passphrase", "secret", "token", "signature", "credential", "apikey",
    "api-key", "api_key", "accesskey", "access_key", "access-key", "privatekey", "private_key",
    "private-key", "authorization", "sessionid", "session_id", "session-id",
  ].map { Array($0.utf8) }
  /// Names of secrets in a query or a connection string, and of other things elsewhere.
  private static let short: Set<String> = ["auth", "code", "jwt", "key", "pass", "pw", "sig"]
  /// Header fields, and what people write like one.
  private static let fields: Set<String> = [
    "api-key", "authorization", "cookie", "passphrase", "passwd", "password", "private-token",
    "proxy-authorization", "pwd", "secret", "set-cookie",
  ]
  /// Keywords of libpq that a connection string may begin with.
  private static let keywords = [
    "dbname", "host", "hostaddr", "password", "port", "service", "sslmode", "user",
  ]

  /// The text with `***` for each such value.
  static func hidden(in text: [UInt8]) -> [UInt8] {
    var shown: [UInt8] = []
    var rest = text[...]
    var from = rest.startIndex
    while let sign = rest[from...].firstIndex(where: { $0 == Byte.equals || $0 == Byte.colon }) {
      from = sign + 1
      guard let name = Name(before: sign, in: rest), isSecret(name, rest[sign]),
        let value = value(after: sign, in: rest, name)
      else { continue }
      shown += rest[..<value.lowerBound] + hiding
      rest = rest[value.upperBound...]
      from = rest.startIndex
    }
    return shown + rest
  }

  /// Whether a setting is a connection string of libpq.
  static func isConnectionString(_ text: String) -> Bool {
    guard let sign = text.firstIndex(of: "=") else { return false }
    let name = text[..<sign].lowercased().split(separator: " ").last ?? ""
    return keywords.contains(String(name))
  }

  /// A name as it stands before `=` or `:`.
  private struct Name {
    /// In lower case; ASCII.
    let bytes: [UInt8]
    var text: String { String(decoding: bytes, as: UTF8.self) }
    let isQuoted: Bool
    /// Whether it is part of a query: `?` or `&` stands before it.
    let isInQuery: Bool
    /// Whether it is part of a list with semicolons, as in `jdbc:sqlserver:`.
    let isInList: Bool

    init?(before sign: Int, in text: ArraySlice<UInt8>) {
      var end = sign
      while end > text.startIndex, text[end - 1] == 0x20 { end -= 1 }
      let hasQuote = end > text.startIndex && text[end - 1] == Byte.quote
      if hasQuote { end -= 1 }
      var start = end
      while start > text.startIndex, Self.isPart(text[start - 1]) { start -= 1 }
      guard start < end else { return nil }
      bytes = text[start..<end].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
      let before = start > text.startIndex ? text[start - 1] : 0
      isQuoted = hasQuote && before == Byte.quote
      isInQuery = "?&#".utf8.contains(before)
      isInList = before == UInt8(ascii: ";")
    }

    func contains(_ word: [UInt8]) -> Bool {
      guard bytes.count >= word.count else { return false }
      return (0...bytes.count - word.count).contains {
        bytes[$0] == word[0] && bytes[$0..<$0 + word.count].elementsEqual(word)
      }
    }

    private static func isPart(_ byte: UInt8) -> Bool {
      Byte.isWord(byte) || "_-.%[]".utf8.contains(byte)
    }
  }

  /// Each URL of each document comes by here, so that names are compared as bytes.
  private static func isSecret(_ name: Name, _ sign: UInt8) -> Bool {
    let isTelling =
      name.bytes.suffix(3).elementsEqual("pwd".utf8)
      || telling.contains { name.contains($0) }
    if sign == Byte.equals {
      return isTelling || (name.isInQuery || name.isInList) && short.contains(name.text)
    }
    if name.isQuoted { return isTelling }
    return fields.contains(name.text)
      || name.text.hasPrefix("x-") && (name.text.hasSuffix("-token") || name.text.hasSuffix("-key"))
  }

  private static func value(
    after sign: Int, in text: ArraySlice<UInt8>, _ name: Name
  ) -> Range<Int>? {
    let blanks = text[(sign + 1)...].prefix { $0 == 0x20 }
    let start = blanks.endIndex
    guard start < text.endIndex, !text[start...].starts(with: hiding) else { return nil }
    let opening = text[start]
    let rest = text[start...]
    let end: Int
    if opening == Byte.apostrophe || opening == Byte.quote {
      end = closing(of: opening, in: rest)
    } else if text[sign] == Byte.colon {
      // A header field goes on to the end of its line.
      end = rest.firstIndex { $0 == Byte.quote || $0 < 0x20 } ?? rest.endIndex
    } else {
      end = unquoted(rest, name)
    }
    return start < end ? start..<end : nil
  }

  /// Behind the quote that closes; a quote within is doubled, or has a backslash before it.
  private static func closing(of quote: UInt8, in text: ArraySlice<UInt8>) -> Int {
    var index = text.startIndex + 1
    while index < text.endIndex {
      if text[index] == Byte.backslash {
        index += 2
      } else if text[index] != quote {
        index += 1
      } else if index + 1 < text.endIndex, text[index + 1] == quote {
        index += 2
      } else {
        return index + 1
      }
    }
    return text.endIndex
  }

  private static func unquoted(_ text: ArraySlice<UInt8>, _ name: Name) -> Int {
    let ends = name.isInQuery ? "&#\"".utf8 : name.isInList ? ";\"".utf8 : "".utf8
    var index = text.startIndex
    while index < text.endIndex, !Byte.isBlank(text[index]), !ends.contains(text[index]) {
      index += text[index] == Byte.backslash ? 2 : 1
    }
    return min(index, text.endIndex)
  }
}
