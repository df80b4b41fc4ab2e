/// How far ahead of its time a start is announced: the thread has to wake up and its transaction to be
/// over by then. Pure; learns how long that takes here and now.
struct Lead: Sendable, Equatable {
  /// What it is at least, and at first, in nanoseconds: enough for a file on an idle machine.
  static let shortest: Int64 = 2_000_000
  /// What it is at most, in nanoseconds.
  static let longest: Int64 = 200_000_000

  /// What it is now.
  private(set) var nanoseconds = shortest

  /// An announcement was over so many nanoseconds before its start; negative for one that came late.
  mutating func observe(left: Int64) {
    if left < 0 {
      nanoseconds = min(nanoseconds * 2, Self.longest)
    } else if left > nanoseconds / 2 {
      // More than twice of what it took: back, by steps.
      nanoseconds = max(nanoseconds - nanoseconds / 8, Self.shortest)
    }
  }
}
