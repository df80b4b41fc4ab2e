import Common

/// Counts texts that come from outside, in bounded memory: when there are too many kinds of them, the
/// rest is counted together.
struct Counter: Sendable {
  /// A text as it first came, and how often its kind did.
  struct Entry: Sendable, Equatable {
    let text: String
    var count: Int
  }

  /// What stands for all kinds beyond the limit.
  static let others = "others"

  private let limit: Int
  private let ignoresDetails: Bool
  private var entries: [String: Entry] = [:]

  /// Up to `limit` kinds; with `ignoresDetails`, texts that differ only in numbers, paths and
  /// URLs are of one kind.
  init(limit: Int, ignoresDetails: Bool = false) {
    self.limit = limit
    self.ignoresDetails = ignoresDetails
  }

  mutating func add(_ text: String) {
    var kind = ignoresDetails ? Self.pattern(of: text) : text
    var text = text
    if entries[kind] == nil, entries.count >= limit {
      kind = Self.others
      text = Self.others
    }
    entries[kind, default: Entry(text: String(text.prefix(300)), count: 0)].count += 1
  }

  /// All kinds, most frequent first.
  func ranking() -> [Entry] {
    entries.values.sorted { ($0.count, $1.text) > ($1.count, $0.text) }
  }

  /// What the texts of a kind have in common: `spool/17.pdf: HTTP 503` is `…: HTTP #`.
  private static func pattern(of text: String) -> String {
    let words = text.prefix(300).split(separator: " ").map { word in
      guard !word.contains("/") else { return word.last == ":" ? "…:" : "…" }
      return word.split(omittingEmptySubsequences: false) { $0.isASCII && $0.isNumber }
        .joined(separator: "#")
    }
    return words.joined(separator: " ").replacing(/#+/, with: "#")
  }
}
