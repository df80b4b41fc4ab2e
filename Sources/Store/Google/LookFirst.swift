/// Whether a document's place is looked at before it is sent there, or only where the precondition of the
/// upload fails: pure bookkeeping over what all workers find.
///
/// A look costs a round trip, as much as sending a small document; sending what is there already costs
/// its bytes. A run that goes on where another was broken off meets what is there before it meets what is
/// not. So when nothing was there many times in a row, small documents are sent at once, until one is there.
struct LookFirst: Sendable, Equatable {
  /// So many absent ones in a row: more than most runs have workers, for what was in flight when a run
  /// was broken off are gaps, and not the end of what is there.
  static let streak = 32
  /// Larger documents are always looked for, in bytes.
  static let small = 1 << 20

  private var absent = 0

  /// Whether a document of that size is looked for.
  func isWanted(bytes: Int) -> Bool { bytes > Self.small || !isSure }

  /// Whether nothing was there for so long that small ones are not looked for.
  var isSure: Bool { absent >= Self.streak }

  /// Something was there, or nothing.
  mutating func found(_ isThere: Bool) { absent = isThere ? 0 : min(absent + 1, Self.streak) }
}
