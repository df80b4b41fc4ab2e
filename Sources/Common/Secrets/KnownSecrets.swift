import Glibc
import Synchronization

/// What this process was given to keep to itself, by its arguments and its environment: hidden
/// wherever it would be shown, however a library or a server echoes it (promise P13).
package enum KnownSecrets {
  private struct Known: Sendable {
    let secret: String
    let replacement: String
  }

  private static let known = Mutex<[Known]>([])

  /// Shorter texts stand for themselves in too many places.
  private static let shortest = 6

  /// Words of our own messages: who has such a password has none.
  private static let words: Set<String> = [
    "conveyor", "localhost", "madison", "password", "postgres", "postgresql", "secret", "upload",
    "validate",
  ]

  /// Remembers what a process was started with. To be called once, before anything is said.
  package static func learn(arguments: [String], environment: [String: String]) {
    var found: [String: String] = [:]
    for (index, argument) in arguments.enumerated() {
      let isHeader = index > 0 && arguments[index - 1] == "--header"
      if isHeader || argument.hasPrefix("--header=") {
        found[isHeader ? argument : String(argument.dropFirst("--header=".count))] = "***"
      } else {
        learn(argument, &found)
      }
    }
    for (name, value) in environment {
      if isSecret(name) { found[value] = "***" } else { learn(value, &found) }
    }
    let long = found.filter { $0.key.utf8.count >= shortest && !words.contains($0.key) }
    // The longest first: a part of it must not be taken out of it before.
    let sorted = long.sorted { ($1.key.utf8.count, $0.key) < ($0.key.utf8.count, $1.key) }
    known.withLock { $0 = sorted.map { Known(secret: $0.key, replacement: $0.value) } }
  }

  /// Remembers one more, as it is and as it stands in an address or a form. Shorter ones than four
  /// characters would be found everywhere.
  package static func learn(_ secret: Secret) {
    let text = secret.reveal()
    guard text.utf8.count >= 4 else { return }
    let forms = Set([text, Format.percentEncoded(text)])
    known.withLock { known in
      known += forms.map { Known(secret: $0, replacement: "***") }
      known.sort { $0.secret.utf8.count > $1.secret.utf8.count }
    }
  }

  /// The variables of this process.
  package static func environment() -> [String: String] {
    var found: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      defer { entry += 1 }
      let parts = String(cString: text).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
    }
    return found
  }

  /// The text without any of them.
  static func hidden(in text: String) -> String {
    known.withLock(\.self).reduce(text) { text, known in
      text.replacing(known.secret, with: known.replacement)
    }
  }

  /// Variables that hold nothing but a secret: PGPASSWORD, AWS_SECRET_ACCESS_KEY, …
  private static func isSecret(_ name: String) -> Bool {
    let name = name.uppercased()
    return name.hasSuffix("PASSWORD") || name.hasSuffix("_TOKEN") || name.hasSuffix("_SECRET")
      || name.hasSuffix("SECRET_ACCESS_KEY") || name.hasSuffix("_PASS")
      || name.hasSuffix("CONVEYOR_HEADER") || name.hasSuffix("CONVEYOR_FETCH_HEADER")
  }

  private static func learn(_ text: String, _ found: inout [String: String]) {
    var text = text
    // `--option=value`
    if text.hasPrefix("--"), let sign = text.firstIndex(of: "=") {
      text = String(text[text.index(after: sign)...])
    }
    guard SecretRedactor.looksSecret(text) else { return }
    found[text] = SecretRedactor.setting(text)
    for password in passwords(in: text) { found[password] = "***" }
  }

  /// What may be the password in a URL, as it is, decoded, and in the parts that a reader may have
  /// taken for a host, a port or a path.
  private static func passwords(in text: String) -> [String] {
    let bytes = Array(text.utf8)
    guard let at = bytes.lastIndex(of: Byte.at) else { return [] }
    let start = bytes.firstRange(of: "://".utf8)?.upperBound ?? 0
    guard start < at, let colon = bytes[start..<at].firstIndex(of: Byte.colon) else { return [] }
    let password = bytes[(colon + 1)..<at]
    let parts = password.split { "@/?#: ".utf8.contains($0) }
    let texts = ([password] + parts).map { String(decoding: $0, as: UTF8.self) }
    return texts + texts.compactMap(Format.percentDecoded)
  }
}

/// A text that nobody may see: prints as `***`, also within whatever holds it (promise P13).
package struct Secret: Sendable, Equatable {
  private let text: String

  package init(_ text: String) { self.text = text }

  /// The text itself, for the one place that sends it or signs with it.
  package func reveal() -> String { text }

  /// So much of the beginning of a secret is one: a text that was cut short may end within it.
  private static let telling = 8

  /// A text from outside, in which this secret, should a server have echoed it, is `***`; likewise as
  /// much of its beginning as is there.
  package func hidden(in other: String) -> String {
    guard !text.isEmpty else { return other }
    let beginning = text.prefix(Self.telling)
    var shown = ""
    var rest = Substring(other)
    while let found = rest.firstRange(of: beginning) {
      let match = zip(rest[found.lowerBound...], text).prefix { $0 == $1 }.count
      shown += rest[..<found.lowerBound] + "***"
      rest = rest[found.lowerBound...].dropFirst(match)
    }
    return shown + rest
  }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// `***`.
  package var description: String { "***" }
  /// `***`.
  package var debugDescription: String { "***" }
  /// Nothing to look into: dump(_:) and reflection see no text.
  package var customMirror: Mirror { Mirror(self, children: []) }
}
