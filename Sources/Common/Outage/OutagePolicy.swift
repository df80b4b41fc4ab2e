/// An answer that is no answer to the question about a document, or no answer at all: what a portal or
/// a store says instead, in words that hold for every document alike.
package struct Refusal: Sendable, Equatable {
  /// What is said, without the document: `status 403`, `no answer within 30 s`.
  package var reason: String
  /// What people can do about it, as a sentence; empty where they can only wait.
  package var advice: String
  /// Whether no document can be the reason: nobody listens, or the page that all are looked up on is
  /// not there. As long as nothing was ever good, one such refusal is an outage already.
  package var isNeverTheDocuments: Bool
  /// Whether waiting does not help as long as nothing was ever good: a certificate that nobody vouches
  /// for. The run then ends at once.
  package var isHopeless: Bool
  /// How the run ends where it lasts: ``ToolExit/unavailable``, or ``ToolExit/permission`` where it is
  /// about credentials.
  package var ending: ToolExit

  /// A refusal; without more, one that time may heal.
  package init(
    _ reason: String, advice: String = "", isNeverTheDocuments: Bool = false,
    isHopeless: Bool = false, ending: ToolExit = .unavailable
  ) {
    self.reason = Format.printable(reason)
    self.advice = advice
    self.isNeverTheDocuments = isNeverTheDocuments
    self.isHopeless = isHopeless
    self.ending = ending
  }
}

/// The numbers of an outage.
package struct OutagePolicy: Sendable, Equatable {
  /// So many different documents in a row, with no good answer between, make an outage; 2 at least.
  package var threshold: Int
  /// Seconds to the second try; the distance doubles with each, up to ``longestDistance``.
  package var firstDistance: Double
  /// No two tries are further apart, in seconds.
  package var longestDistance: Double
  /// Seconds after which the run ends.
  package var limit: Double
  /// The same where nothing was ever good in this run: more likely a wrong address than an outage.
  package var limitBeforeAnythingGood: Double

  /// The usual numbers, or others.
  package init(
    threshold: Int = 5, firstDistance: Double = 5, longestDistance: Double = 300,
    limit: Double = 6 * 3600, limitBeforeAnythingGood: Double = 60
  ) {
    self.threshold = max(2, threshold)
    self.firstDistance = max(0, firstDistance)
    self.longestDistance = max(0, longestDistance)
    self.limit = max(0, limit)
    self.limitBeforeAnythingGood = min(max(0, limitBeforeAnythingGood), self.limit)
  }
}

/// When to try again: exponential backoff with full jitter, so that many clients that failed
/// together do not come back together. A pure function of the attempt and a random number.
package struct RetryPolicy: Sendable, Equatable {
  /// Attempts after the first; 0 tries once.
  package let retries: Int
  /// The longest first wait, in seconds; it doubles with each further attempt.
  package let base: Double
  /// No wait is longer, in seconds.
  package let cap: Double
  /// No retry begins later than this many seconds after the first attempt; `nil` for no limit.
  package let maximumTime: Double?

  /// A policy; negative values count as 0.
  package init(retries: Int, base: Double = 2, cap: Double = 600, maximumTime: Double? = nil) {
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
  package func delay(afterAttempt attempt: Int, elapsed: Double, random: Double) -> Double? {
    guard attempt <= retries else { return nil }
    var longest = min(base, cap)
    for _ in 1..<max(1, min(attempt, 64)) { longest = min(longest * 2, cap) }
    let wait = longest * max(0, min(1, random))
    if let maximumTime, elapsed + wait > maximumTime { return nil }
    return wait
  }
}
