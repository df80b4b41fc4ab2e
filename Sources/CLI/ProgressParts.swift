import Common

/// The parts of a progress line, which are left out one by one where there is no room. Pure: the same
/// parts and width give the same line.
public struct ProgressParts: Sendable {
  private static let narrowestBar = 10
  private static let widestBar = 40

  private var parts: [(rank: Int, text: String)] = []

  /// No parts yet.
  public init() {}

  /// Adds a part on the right; rank 0 is kept longest.
  public mutating func add(_ rank: Int, _ text: String) { parts.append((rank, text)) }

  /// The line, at most `width` characters long: what matters least goes first. Without a width (not
  /// a terminal) all of it, and no bar.
  ///
  /// - Parameter share: how much is done, from 0 to 1, where it is known: drawn as a bar.
  public func line(width: Int?, share: Double? = nil) -> String {
    guard let width else { return text }
    var kept = self
    let reserved = share == nil ? 0 : Self.narrowestBar + 3
    while kept.parts.count > 1, Format.width(kept.text) + reserved > width,
      let least = kept.parts.indices.max(by: { kept.parts[$0].rank < kept.parts[$1].rank })
    {
      kept.parts.remove(at: least)
    }
    let text = kept.text
    let room = min(Self.widestBar, width - Format.width(text) - 3)
    guard let share, room >= Self.narrowestBar else { return Format.fitted(text, width) }
    let filled = Int(max(0, min(1, share)) * Double(room))
    let drawn = String(repeating: "=", count: filled) + (filled < room ? ">" : "")
    return "[\(Format.padRight(drawn, room))] " + text
  }

  private var text: String { parts.map(\.text).joined(separator: " · ") }
}
