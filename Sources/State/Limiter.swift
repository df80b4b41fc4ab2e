import Common
import Synchronization

/// The polite budget of every host, shared by all threads and processes that name the same place: a
/// SQLite file for those of one machine, a database of PostgreSQL for several.
///
/// Each step is one short transaction; sleeping happens outside. A place that cannot be read or written
/// ends the run: without a budget no request is made (promise P6).
public final class Limiter: Sendable {
  private let storage: any LimiterStorage
  private let lead = Mutex(Lead())
  /// What was last read of hosts that are asked without delay.
  private let known = Mutex<[String: Known]>([:])

  private struct Known {
    let budget: HostBudget
    let readAt: Int64
  }

  /// Without a delay nothing is written, only pauses are heeded; one that another process caused is
  /// noticed after so many nanoseconds at the latest, one of this process at once.
  private static let freshness: Int64 = 100_000_000

  /// Opens or creates what `place` names: `postgres://…`, or a file. Throws with exit code 74 for a
  /// file, with 69, 77 or 78 for a database. A database that is away is waited for, but no longer once
  /// `stop` is requested.
  public init(at place: String, stop: Stop? = nil) throws(Fatal) {
    storage =
      Self.isDatabase(place)
      ? try LimiterDatabase(url: place, stop: stop) : try LimiterFile(path: place)
  }

  /// Whether `place` names a database instead of a file.
  public static func isDatabase(_ place: String) -> Bool {
    place.hasPrefix("postgres:") || place.hasPrefix("postgresql:")
  }

  /// Whether a request may begin.
  public enum Permission: Sendable, Equatable {
    /// Now. The host gave so many refusals in a row before.
    case granted(refusals: Int)
    /// Not any more: the host asked for a pause in the meantime. Another slot is needed.
    case paused
    /// Not at all: a stop was requested.
    case stopped
  }

  /// The first step of a request: takes this host's next free slot, and waits for it. False when `stop`
  /// was requested before it came.
  public func waitForSlot(host: String, pace: Pace, stop: Stop) throws(Fatal) -> Bool {
    guard pace.delay > 0 else { return try waitForPause(host, stop) }
    let slot = try update(host) { $0.reserve(now: Time.monotonic(), pace: pace) }
    return stop.sleep(until: slot)
  }

  /// The second step, when the connection is there and the request is about to be sent: what counts
  /// for the gap to the next one is this moment, and neither the name's look-up nor the connection.
  public func start(host: String, pace: Pace, stop: Stop) throws(Fatal) -> Permission {
    guard pace.delay > 0 else {
      let budget = try known(host)
      if stop.isRequested { return .stopped }
      return budget.pausedUntil > Time.monotonic()
        ? .paused : .granted(refusals: budget.refusals)
    }
    while true {
      let lead = lead.withLock(\.nanoseconds)
      let (start, budget) = try update(host) { budget in
        (budget.start(now: Time.monotonic(), pace: pace, lead: lead), budget)
      }
      guard case .at(let time) = start else { return .paused }
      // With a burst no gap is kept: the start is now.
      if pace.burst > 1 { return .granted(refusals: budget.refusals) }
      self.lead.withLock { $0.observe(left: time - Time.monotonic()) }
      guard stop.sleep(until: time) else { return .stopped }
      // A thread that slept too long would come too close to the next one.
      if Time.monotonic() - time < HostBudget.tolerance {
        return .granted(refusals: budget.refusals)
      }
    }
  }

  private func waitForPause(_ host: String, _ stop: Stop) throws(Fatal) -> Bool {
    while true {
      let end = try known(host).pausedUntil
      guard end > Time.monotonic() else { return !stop.isRequested }
      guard stop.sleep(until: end) else { return false }
    }
  }

  /// What is known of a host without a delay: read again when that is out of date.
  private func known(_ host: String) throws(Fatal) -> HostBudget {
    let now = Time.monotonic()
    if let known = known.withLock({ $0[host] }), now - known.readAt < Self.freshness {
      return known.budget
    }
    let budget = try storage.budget(of: host) ?? HostBudget()
    known.withLock { $0[host] = Known(budget: budget, readAt: now) }
    return budget
  }

  /// The host asks everybody to slow down; returns for how many seconds nobody asks it.
  public func refuse(host: String, retryAfter: Double?, base: Double) throws(Fatal) -> Double {
    try update(host) { budget in
      let now = Time.monotonic()
      budget.refuse(now: now, retryAfter: retryAfter, base: base)
      return Double(budget.pausedUntil - now) / 1e9
    }
  }

  /// The host answered well after ``start(host:pace:stop:)`` had told of refusals.
  public func succeed(host: String) throws(Fatal) { try update(host) { $0.succeed() } }

  private func update<T: Sendable>(
    _ host: String, _ change: @Sendable (inout HostBudget) -> T
  ) throws(Fatal) -> T {
    let result = try storage.update(host, change)
    // What a thread knew of the host is out of date.
    known.withLock { _ = $0.removeValue(forKey: host) }
    return result
  }

  /// All hosts with their budgets, by name.
  func hosts() throws(Fatal) -> [(host: String, budget: HostBudget)] { try storage.hosts() }
}
