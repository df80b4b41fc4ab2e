/// Tells an outage from a document's own bad luck: pure bookkeeping over the failures of all workers.
///
/// When several documents in a row meet failures that are not theirs, and none a good answer, it is the
/// network or the server that is down: the stage pauses, and what fails meanwhile uses up nobody's
/// attempts (promise P5). It cannot last for ever, lest a handful of documents that a server drops each
/// time keeps a run alive: after ``longest`` failures count again.
public struct StoreOutageWatch: Sendable {
  /// So many different documents in a row make an outage.
  public let threshold: Int
  /// The first pause, in seconds; it doubles up to ``cap``.
  public let base: Double
  /// No pause is longer, in seconds.
  public let cap: Double
  /// Seconds after which failures count again.
  public let longest: Double

  private var failing: Set<String> = []
  private var began: Int64?
  private var pauses = 0

  /// A watch that has seen nothing yet; the threshold is 2 at least.
  public init(
    threshold: Int = 5, base: Double = 5, cap: Double = 300, longest: Double = 6 * 3600
  ) {
    self.threshold = max(2, threshold)
    self.base = base
    self.cap = cap
    self.longest = longest
  }

  /// What a failure is to be taken for.
  public enum Verdict: Sendable, Equatable {
    /// The document's, until more is known.
    case ownFault
    /// Try the same document again after so many seconds, as often as it takes.
    case outage(pause: Double)
  }

  /// A document met a failure that an outage would explain.
  public mutating func failed(_ id: String, now: Int64) -> Verdict {
    if failing.count < threshold { failing.insert(id) }
    guard failing.count >= threshold else { return .ownFault }
    let start = began ?? now
    began = start
    guard Double(now - start) / 1e9 < longest else { return .ownFault }
    var pause = base
    for _ in 0..<min(pauses / threshold, 16) { pause = min(pause * 2, cap) }
    pauses += 1
    return .outage(pause: pause)
  }

  /// A document met a good answer. Returns whether an outage is over with it.
  public mutating func succeeded() -> Bool {
    let wasOutage = began != nil
    if !failing.isEmpty { failing = [] }
    began = nil
    pauses = 0
    return wasOutage
  }
}
