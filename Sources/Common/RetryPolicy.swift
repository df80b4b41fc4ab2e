/// When to try again: exponential backoff with full jitter, so that many clients that failed
/// together do not come back together. A pure function of the attempt and a random number.
public struct RetryPolicy: Sendable, Equatable {
  /// Attempts after the first; 0 tries once.
  public let retries: Int
  /// The longest first wait, in seconds; it doubles with each further attempt.
  public let base: Double
  /// No wait is longer, in seconds.
  public let cap: Double
  /// No retry begins later than this many seconds after the first attempt; `nil` for no limit.
  public let maximumTime: Double?

  /// A policy; negative values count as 0.
  public init(retries: Int, base: Double = 2, cap: Double = 600, maximumTime: Double? = nil) {
    self.retries = max(0, retries)
    self.base = max(0, base)
    self.cap = max(0, cap)
    self.maximumTime = maximumTime
  }

  /// Seconds to wait before the next attempt, or `nil` when enough was tried.
  ///
  /// - Parameters:
  ///   - attempt: how many attempts failed so far, from 1.
  ///   - elapsed: seconds since the first attempt began.
  ///   - random: between 0 and 1, evenly distributed.
  public func delay(afterAttempt attempt: Int, elapsed: Double, random: Double) -> Double? {
    guard attempt <= retries else { return nil }
    var longest = min(base, cap)
    for _ in 1..<max(1, min(attempt, 64)) { longest = min(longest * 2, cap) }
    let wait = longest * max(0, min(1, random))
    if let maximumTime, elapsed + wait > maximumTime { return nil }
    return wait
  }
}
