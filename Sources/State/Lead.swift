/// How far into the future a start is put, so that its transaction is over by then: a commit that takes
/// longer than usual must not eat into the gap to the next request. Pure; learns how long the way
/// to the limiter is.
struct Lead: Sendable, Equatable {
  /// What it is at least, and at first, in nanoseconds: enough for a file.
  static let shortest: Int64 = 4_000_000
  /// What it is at most, in nanoseconds.
  static let longest: Int64 = 200_000_000

  /// What it is now.
  private(set) var nanoseconds = shortest

  /// A transaction was over so many nanoseconds before its start; negative for one that came late.
  mutating func observe(left: Int64) {
    if left < 0 {
      nanoseconds = min(nanoseconds * 2, Self.longest)
    } else if left > nanoseconds / 2 {
      // More than twice of what it took: back, by steps, as one that comes late has to begin anew.
      nanoseconds = max(nanoseconds - nanoseconds / 8, Self.shortest)
    }
  }
}
