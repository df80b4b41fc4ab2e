import Common

/// What becomes of a document that failed: a pure function, shared by all indexes (promise P5).
package enum AttemptPolicy {
  /// So many attempts has a document; the last one that fails is final.
  package static let maximum = 5

  /// No document waits longer for its next attempt, in seconds.
  package static let longestWait = 3600.0

  /// Seconds before an interrupted document returns. Not 0: where only the tools downstream were
  /// stopped, documents would go round between them and the index as fast as both can.
  package static let interruptionWait = 1.0

  /// A document that lost so many leases in a row is quarantined.
  package static let quarantineLosses = 3

  /// So many leases may a document lose in a row; the last one is final.
  package static let maximumLosses = 5

  /// How many losses a document has after another one. Only a loss that came while nothing else was in
  /// progress with the same run says something about this document: what went down together with others
  /// is quarantined at most, so that a machine that is killed again and again fails nothing.
  package static func losses(after losses: Int, isAlone: Bool) -> Int {
    isAlone ? losses + 1 : max(losses, min(losses + 1, quarantineLosses))
  }

  /// How a document is to be treated that lost leases since it was last settled.
  package enum Standing: Sendable, Equatable {
    /// Claimed with others: when a machine goes down, it takes hundreds of leases with it, and says
    /// nothing about any one document.
    case trusted
    /// Waits until there is nothing else to do, and is then claimed alone, so that a crash names its
    /// culprit.
    case quarantined
    /// Never again: it crashes its workers.
    case poisoned
  }

  /// The standing of a document that lost `losses` leases in a row. A lost lease gives the attempt
  /// back: its outcome is unknown.
  package static func standing(afterLosing losses: Int) -> Standing {
    if losses >= maximumLosses { return .poisoned }
    return losses >= quarantineLosses ? .quarantined : .trusted
  }

  /// The outcome for an error.
  ///
  /// - Parameters:
  ///   - attempt: the number of the attempt that failed, from 1, as the record carries it.
  ///   - firstWait: seconds before the second attempt; the wait doubles with each further one.
  ///   - random: between 0 and 1, evenly distributed: waits are spread over their upper half.
  package static func outcome(
    of error: RecordError, attempt: Int, firstWait: Double, random: Double
  ) -> Settlement.Outcome {
    guard error.isRetryable else { return .failed(error) }
    if error.counts, attempt >= maximum { return .failed(error) }
    if error.kind == .interrupted {
      return .givenBack(after: interruptionWait)
    }
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
    "gave up: \(maximumLosses) workers in a row crashed or disappeared while processing this document"
}
