/// A text that nobody may see: prints as `***`, also within whatever holds it (promise P13).
public struct Secret: Sendable, Equatable {
  private let text: String

  /// Wraps a secret.
  public init(_ text: String) { self.text = text }

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
  public var description: String { "***" }
  /// `***`.
  public var debugDescription: String { "***" }
  /// Nothing to look into: dump(_:) and reflection see no text.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
