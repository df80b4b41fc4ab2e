/// How far ahead of its time a start is announced: the thread has to wake up and its transaction to be
/// over by then. Pure; learns how long that takes here and now.
struct Lead: Sendable, Equatable {
  /// What it is at least, and at first, in nanoseconds: enough for a file on an idle machine.
  static let shortest: Int64 = 2_000_000
  /// What it is at most, in nanoseconds.
  static let longest: Int64 = 200_000_000
  /// The longest transaction that it believes in, in nanoseconds.
  static let longestTransaction: Int64 = 10_000_000_000

  /// What it is now.
  private(set) var nanoseconds = shortest
  /// How long a decision takes until it is known, smoothed, in nanoseconds.
  private(set) var transaction: Int64 = 0

  /// An announcement was over so many nanoseconds after the thread wanted to wake up for it, and so many after what it
  /// announces was decided. The lead becomes twice of the first at once where it was shorter, and by steps where
  /// it was longer.
  mutating func observe(took: Int64, transaction latest: Int64) {
    let wanted = max(Self.shortest, min(took, Self.longest / 2) * 2)
    if wanted > nanoseconds {
      nanoseconds = wanted
    } else {
      nanoseconds -= (nanoseconds - wanted) / 8
    }
    transaction += (min(latest, Self.longestTransaction) - transaction) / 4
  }
}
