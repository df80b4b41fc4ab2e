import Common

/// How many workers a portal can use, found out by asking: one more as long as that brings more
/// documents, fewer by a third when the portal refuses or breaks, by a tenth when answers only get
/// slower. Additive increase and multiplicative decrease settle without overshooting for long.
///
/// Pure: it is told what happened and when, and says what to do.
struct AdaptiveWorkers: Sendable {
  let minimum: Int
  let maximum: Int
  /// Seconds between two request starts; 0 for none.
  let delay: Double
  /// Shortest time over which is judged, in seconds.
  let window: Double

  /// How many may work now.
  private(set) var limit: Int

  private var began: Int64?
  private var completed = 0
  private var drops = 0
  private var latency = 0.0
  /// The best that was seen, in documents per second, with how many workers, and how quick answers were.
  private var best: (rate: Double, limit: Int, latency: Double)?

  init(minimum: Int = 1, maximum: Int, delay: Double, window: Double = 2) {
    self.minimum = max(1, minimum)
    self.maximum = max(self.minimum, maximum)
    self.delay = delay
    self.window = window
    limit = self.minimum
  }

  /// A change of mind, for the log.
  struct Decision: Sendable, Equatable {
    let limit: Int
    let reason: String
  }

  /// A request ended. `latency` is from its start to its end, in seconds, without the wait for its
  /// slot; `isDropped` means that the portal refused, broke off or did not answer.
  mutating func finished(latency seconds: Double, isDropped: Bool, now: Int64) -> Decision? {
    let start = began ?? now
    began = start
    completed += isDropped ? 0 : 1
    drops += isDropped ? 1 : 0
    latency += seconds
    let elapsed = Double(now - start) / 1e9
    guard elapsed >= window, completed + drops >= 2 * limit else { return nil }
    let before = limit
    let reason = judge(
      rate: Double(completed) / elapsed, latency: latency / Double(completed + drops))
    began = now
    completed = 0
    drops = 0
    latency = 0
    return limit == before ? nil : Decision(limit: limit, reason: reason)
  }

  private mutating func judge(rate: Double, latency: Double) -> String {
    if drops > 0 {
      best = nil
      return change(to: limit * 2 / 3, "the portal refused or broke off \(drops) times")
    }
    // By Little's law no more requests can be under way than start while one takes: more workers
    // would only wait for slots.
    let usable = delay > 0 ? Int((latency / delay).rounded(.up)) + 1 : maximum
    if limit > usable {
      return change(to: usable, "the delay between requests keeps no more busy")
    }
    guard let best else {
      self.best = (rate, limit, latency)
      return change(to: min(limit + 1, usable), "to see whether more bring more")
    }
    if rate > best.rate * 1.03 {
      self.best = (rate, limit, min(latency, best.latency))
      return change(to: min(limit + 1, usable), "more brought more")
    }
    if latency > best.latency * 1.3, limit > best.limit {
      self.best = nil
      return change(to: min(limit - 1, limit * 9 / 10), "answers only get slower")
    }
    return ""
  }

  private mutating func change(to wanted: Int, _ reason: String) -> String {
    limit = max(minimum, min(maximum, wanted))
    return reason
  }
}
