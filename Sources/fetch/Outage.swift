import Common

/// Tells an outage from a document's own bad luck: pure bookkeeping over the failures of all workers.
///
/// When several documents in a row meet network failures or 401s, and none a good answer, it is the
/// network or the log-in that is down, not the documents: the stage pauses, and what fails meanwhile
/// uses up nobody's attempts (promise P5). It cannot last for ever, lest a handful of documents that the
/// portal drops each time keeps a run alive: after ``longest`` failures count again.
struct OutageWatch: Sendable {
  /// So many different documents in a row make an outage.
  let threshold: Int
  /// The first pause, in seconds; it doubles up to ``cap``.
  let base: Double
  let cap: Double
  /// Seconds after which failures count again.
  let longest: Double

  private var failing: Set<String> = []
  private var began: Int64?
  private var pauses = 0

  init(threshold: Int, base: Double = 5, cap: Double = 300, longest: Double = 6 * 3600) {
    self.threshold = max(2, threshold)
    self.base = base
    self.cap = cap
    self.longest = longest
  }

  /// What a failure is to be taken for.
  enum Verdict: Equatable {
    case ownFault
    /// Try the same document again after so many seconds, as often as it takes.
    case outage(pause: Double)
  }

  /// A document met a failure that an outage would explain.
  mutating func failed(_ id: String, now: Int64) -> Verdict {
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
  mutating func succeeded() -> Bool {
    let wasOutage = began != nil
    if !failing.isEmpty { failing = [] }
    began = nil
    pauses = 0
    return wasOutage
  }

  /// Whether an outage would explain an error.
  static func explains(_ error: RecordError, status: Int?) -> Bool {
    error.kind == .network || error.kind == .timeout && status == nil || status == 401
  }
}
