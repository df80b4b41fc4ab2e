/// A text that nobody may see: prints as `***`, also within whatever holds it (promise P13).
public struct Secret: Sendable, Equatable {
  private let text: String

  /// Wraps a secret.
  public init(_ text: String) { self.text = text }

  /// The text itself, for the one place that sends it or signs with it.
  func reveal() -> String { text }

  /// A text from outside, in which this secret, should a server have echoed it, is `***`.
  func hidden(in other: String) -> String {
    text.isEmpty ? other : other.replacing(text, with: "***")
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
