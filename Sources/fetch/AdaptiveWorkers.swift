import Common

/// How many workers a portal can use, found out by asking: more as long as answers come as quickly as they do
/// when few ask, fewer by a tenth when they get slower, half when the portal refuses or breaks off.
///
/// Rates do not decide, but latency: of ten requests the rate is true to a third, and one lucky window
/// would stay the best for ever. The more answers differ, the more of them a verdict waits for. An answer that takes half as long again as at best says at once that the portal works
/// on more than it can, and refusals come only after that. Where there is a delay, Little's law says from the
/// beginning how many workers it keeps busy; idle ones hurt nobody. `Benchmarks/workers.py` holds this
/// against an oracle.
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

  /// What came in since the last verdict.
  private struct Window {
    var began: Int64
    var completed = 0
    var drops = 0
    var seconds = 0.0
    /// The sum of their squares.
    var squares = 0.0

    var count: Int { completed + drops }

    /// How much answers differ: variance by the square of the mean; 1 for an exponential distribution.
    var spread: Double {
      guard seconds > 0 else { return 0 }
      return max(0, squares * Double(count) / (seconds * seconds) - 1)
    }
  }

  private var current: Window?
  /// How long answers take, smoothed, in seconds.
  private var latency: Double?
  /// How long they take at best.
  private var base: Double?
  /// Whether nothing was amiss yet: growing is quick until then.
  private var isStarting = true
  /// Whether the bound of the delay was taken.
  private var hasBegun = false
  /// With how many workers answers began to be slow, and how slow they were.
  private var slowdown: (limit: Int, latency: Double)?

  /// Requests that a verdict needs at least, and so many times their spread: the mean of those is true to
  /// within a fourteenth, however much answers differ.
  private static let enough = 20
  private static let enoughForSpread = 200.0
  /// The same while nothing is known, in exchange for being wrong more often.
  private static let enoughToStart = 10
  /// Longest time over which is judged where answers come slowly, in seconds.
  private static let longestWindow = 60.0
  /// How much the last window counts in the smoothed latency.
  private static let weight = 0.6
  /// Below this, as a multiple of the best latency, there is room for more; above, too many work.
  private static let roomy = 1.25
  private static let crowded = 1.5
  /// The share of the rate that a delay permits from which it is the delay that keeps the number down.
  private static let busy = 0.95

  /// `start` is where it begins, where something is known.
  init(
    minimum: Int = 1, maximum: Int, delay: Double, start: Int? = nil, window: Double = 2
  ) {
    self.minimum = max(1, minimum)
    self.maximum = max(self.minimum, maximum)
    self.delay = delay
    self.window = window
    limit = max(self.minimum, min(self.maximum, start ?? 0))
    // Doubling is for finding out what is known then.
    isStarting = start == nil
  }

  /// A change of mind, for the log.
  struct Decision: Sendable, Equatable {
    let limit: Int
    let reason: String
  }

  /// A request ended. `latency` is from its start to its end, in seconds, without the wait for its
  /// slot; `isDropped` means that the portal refused, broke off or did not answer.
  mutating func finished(latency seconds: Double, isDropped: Bool, now: Int64) -> Decision? {
    var window = current ?? Window(began: now)
    window.completed += isDropped ? 0 : 1
    window.drops += isDropped ? 1 : 0
    window.seconds += max(0, seconds)
    window.squares += seconds * seconds
    current = window
    let elapsed = Double(now - window.began) / 1e9
    guard isWhole(window, elapsed) else { return nil }
    current = Window(began: now)
    let before = limit
    let reason = judge(window, elapsed)
    return limit == before ? nil : Decision(limit: limit, reason: reason)
  }

  private func isWhole(_ window: Window, _ elapsed: Double) -> Bool {
    guard elapsed >= self.window, window.count >= 2 * limit else { return false }
    if window.drops > 0 || elapsed >= Self.longestWindow { return true }
    // The bound of the delay is worth having at once, and mended by each later window.
    if delay > 0, !hasBegun { return window.count >= 3 }
    if isStarting { return window.count >= Self.enoughToStart }
    return window.count >= Self.enough
      && Double(window.count) >= Self.enoughForSpread * window.spread
  }

  private mutating func judge(_ window: Window, _ elapsed: Double) -> String {
    let mean = window.seconds / Double(window.count)
    let latency = self.latency.map { $0 + Self.weight * (mean - $0) } ?? mean
    self.latency = latency
    if window.drops > 0 {
      (isStarting, slowdown) = (false, nil)
      return change(to: limit / 2, "the portal refused or broke off \(window.drops) times")
    }
    let usable = usable(latency)
    guard hasBegun || delay == 0 else {
      hasBegun = true
      return change(to: usable, "so many the delay between requests keeps busy")
    }
    if limit > usable {
      return change(to: usable, "the delay between requests keeps no more busy")
    }
    let best = min(base ?? latency, latency)
    base = best
    if latency > best * Self.crowded {
      // Where requests start at each delay, fewer workers would ask no less.
      let isPaced = delay > 0 && Double(window.count) * delay >= elapsed * Self.busy
      return isPaced ? "" : shrink(latency)
    }
    slowdown = nil
    guard latency < best * Self.roomy else {
      isStarting = false
      return ""
    }
    let more = isStarting ? limit : max(1, limit / 8)
    return change(to: min(limit + more, usable), "answers come as quickly as ever")
  }

  /// By Little's law no more requests can be under way than start while one takes: more workers would only
  /// wait for slots. One more makes up for what differs.
  private func usable(_ latency: Double) -> Int {
    guard delay > 0 else { return maximum }
    let busy = latency / delay
    return busy < Double(maximum) ? Int(busy.rounded(.up)) + 1 : maximum
  }

  private mutating func shrink(_ latency: Double) -> String {
    isStarting = false
    let began = slowdown ?? (limit, latency)
    slowdown = began
    let reason = change(to: min(limit - 1, limit * 9 / 10), "answers get slower")
    // Far fewer ask, and it is no quicker: it is not for the number that it is slow.
    if limit <= max(minimum, began.limit * 6 / 10), latency > began.latency * 0.85 {
      base = latency
      slowdown = nil
    }
    return reason
  }

  private mutating func change(to wanted: Int, _ reason: String) -> String {
    limit = max(minimum, min(maximum, wanted))
    return reason
  }
}

extension AdaptiveWorkers {
  /// Does what `Benchmarks/workers.py` says: a line for each request that ended, with the time, how long it
  /// took, both in seconds, and 1 if it was dropped; an empty line asks for the number of workers.
  mutating func replay(_ read: () -> String?, _ write: (String) -> Void) {
    while let line = read() {
      let words = line.split(separator: " ").compactMap { Double($0) }
      if words.count == 3, words.allSatisfy({ $0.isFinite && (0...1e9).contains($0) }) {
        _ = finished(latency: words[1], isDropped: words[2] == 1, now: Int64(words[0] * 1e9))
      } else {
        write("\(limit)\n")
      }
    }
  }
}
