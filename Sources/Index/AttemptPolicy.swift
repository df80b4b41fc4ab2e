import Common

/// What becomes of a document that failed: a pure function, shared by all indexes (promise P5).
public enum AttemptPolicy {
  /// So many attempts has a document; the last one that fails is final.
  public static let maximum = 5

  /// No document waits longer for its next attempt, in seconds.
  public static let longestWait = 3600.0

  /// The outcome for an error.
  ///
  /// - Parameters:
  ///   - attempt: the number of the attempt that failed, from 1, as the record carries it.
  ///   - firstWait: seconds before the second attempt; the wait doubles with each further one.
  ///   - random: between 0 and 1, evenly distributed: waits are spread over their upper half.
  public static func outcome(
    of error: RecordError, attempt: Int, firstWait: Double, random: Double
  ) -> Settlement.Outcome {
    guard error.isRetryable else { return .failed(error) }
    if error.counts, attempt >= maximum { return .failed(error) }
    if error.kind == .interrupted { return .again(error, after: 0, countsAttempt: false) }
    return .again(
      error, after: wait(attempt: attempt, firstWait: firstWait, random: random),
      countsAttempt: error.counts)
  }

  private static func wait(attempt: Int, firstWait: Double, random: Double) -> Double {
    var longest = min(max(0, firstWait), longestWait)
    // 32 doublings bring any wait that matters to the cap.
    for _ in 1..<max(1, min(attempt, 32)) { longest = min(longest * 2, longestWait) }
    return longest * (0.5 + 0.5 * max(0, min(1, random)))
  }

  /// What a document's error says that was taken back once too often.
  static let diedMessage =
    "in progress when its worker died or vanished, at the last of \(maximum) attempts"
}
