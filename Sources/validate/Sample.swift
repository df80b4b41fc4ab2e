import Digest

/// A share of all documents, always the same ones: by a hash of the id, so that a second run reads
/// what the first one read.
struct Sample: Sendable, Equatable {
  /// From 0 to 1.
  let share: Double

  /// `5%`, `0.5%`, `100%`; `nil` for any other text.
  init?(_ text: String) {
    guard text.hasSuffix("%"), let percent = Double(text.dropLast()), (0...100).contains(percent)
    else { return nil }
    share = percent / 100
  }

  /// Whether the document is one of them.
  func contains(_ id: String) -> Bool {
    let digits = Digest.sha256(id.utf8).prefix(8)
    return Double(UInt32(digits, radix: 16) ?? 0) < share * 4_294_967_296
  }
}
