import Common

/// The polite budget of every host, shared by all threads and processes that name the same place: a
/// SQLite file for those of one machine, a database of PostgreSQL or a Redis for several.
///
/// Each step is one short transaction; sleeping happens outside. A place that cannot be read or written
/// ends the run: without a budget no request is made (promise P6).
package final class Limiter: Sendable {
  let storage: any LimiterStorage
  /// Hosts that share a budget, and its name.
  let names: [String: String]
  private let lead = Lock(StartMargin())
  private let slots = Turnstile()
  private let starts = Turnstile()
  /// What was last read of hosts that are asked without delay.
  private let known = Lock<[String: Known]>([:])

  /// How quickly hosts answer; `nil` once the server did not take it.
  let paces = Lock<[String: HostPace]?>([:])
  /// What keeps it: `storage`, if it can.
  let paceStorage: (any PaceStorage)?

  /// What was last read of the operator's orders, by host.
  let orders = Lock<[String: Orders]>([:])
  let report: @Sendable (String) -> Void

  struct Orders {
    let steering: Steering
    let readAt: Int64
  }

  /// Orders are read again after so many nanoseconds, so that they hold everywhere within a second.
  static let steeringAge: Int64 = 500_000_000

  private struct Known {
    let budget: HostBudget
    let readAt: Int64
  }

  /// Without a delay nothing is written, only pauses are heeded; one that another process caused is
  /// noticed after so many nanoseconds at the latest, one of this process at once.
  private static let freshness: Int64 = 100_000_000

  /// Opens or creates what `location` names. Throws with exit code 74 for a file that cannot be
  /// used, with 69, 77 or 78 for a server. A server that is away is waited for, but no longer once `stop` is requested.
  /// `report` gets a sentence when a file that a power cut damaged was made anew, when Redis does not answer or has lost
  /// something, and whenever the operator's orders for a host have changed.
  /// `names` are hosts that share a budget, with its name.
  package init(
    at location: LimiterLocation, names: [String: String] = [:], stop: ShutdownSignal? = nil,
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(Fatal) {
    self.names = names
    self.report = report
    storage =
      switch location {
      case .file(let path): try LimiterFile(path: path, report: report)
      case .database(let url): try LimiterDatabase(url: url, stop: stop)
      case .redis(let url): try LimiterRedis(url: url, stop: stop, report: report)
      }
    paceStorage = storage as? any PaceStorage
  }

  /// A limiter of this process alone, which writes nothing.
  package init() throws(Fatal) {
    names = [:]
    report = { _ in }
    storage = try LimiterFile(path: ":memory:") { _ in }
    paceStorage = nil
  }

  /// Whether a request may begin.
  package enum Permission: Sendable, Equatable {
    /// Now.
    case granted(Grant)
    /// Not any more: the host asked for a pause in the meantime. Another slot is needed.
    case paused
    /// Not at all: a stop was requested.
    case stopped
  }

  /// The permission to send one request, at once.
  package struct Grant: Sendable, Equatable {
    /// The host gave so many refusals in a row before.
    package let refusals: Int
    /// When it is to be sent.
    let time: Int64
    /// Until when everybody waits to be told that it was.
    let latest: Int64
  }

  /// The first step of a request: takes this host's next free slot, and waits until it is near. False
  /// when `stop` was requested before.
  package func waitForSlot(host: String, pace: RateLimit, stop: ShutdownSignal) throws(Fatal)
    -> Bool
  {
    let host = names[host] ?? host
    guard try steering(of: host).pace(pace).delay > 0 else {
      guard try waitForOpening(host, stop) else { return false }
      return try waitForPause(host, stop)
    }
    // One at a time: what a process that dies had reserved is lost to all others.
    return try slots.pass(host) { () throws(Fatal) in
      while try waitForOpening(host, stop) {
        let steering = try steering(of: host)
        let slot = try update(host) {
          $0.reserve(now: Time.monotonic(), pace: steering.pace(pace))
        }
        if try wait(host, until: slot - 2 * lead.withLock(\.nanoseconds), steering, stop) {
          return !stop.isRequested
        }
      }
      return false
    }
  }

  /// Waits for a slot. False when other orders came in between.
  private func wait(
    _ host: String, until time: Int64, _ steering: Steering, _ stop: ShutdownSignal
  ) throws(Fatal) -> Bool {
    while true {
      let next = min(time, Time.monotonic() + Self.steeringAge)
      guard stop.sleep(until: next), next < time else { return true }
      guard try self.steering(of: host) == steering else { return false }
    }
  }

  /// The second step, when the connection is there and the request is about to be sent: what counts
  /// for the gap to the next one is this moment, and neither the name's look-up nor the connection.
  package func start(host: String, pace: RateLimit, stop: ShutdownSignal) throws(Fatal)
    -> Permission
  {
    let host = names[host] ?? host
    let steering = try steering(of: host)
    guard steering.closure(at: Time.wall()) == nil else { return .paused }
    let own = pace
    let pace = steering.pace(own)
    guard pace.delay > 0 else {
      let budget = try known(host)
      if stop.isRequested { return .stopped }
      return budget.pausedUntil > Time.monotonic()
        ? .paused : .granted(Grant(refusals: budget.refusals, time: 0, latest: 0))
    }
    let ready = Time.monotonic()
    var permission = try starts.pass(host) { () throws(Fatal) in
      try announce(host, own, ready: ready, missed: nil, stop)
    }
    // Looked at last of all, when everybody else has been woken: what was held up here, or stopped (SIGSTOP),
    // is no longer sure to be sent within its window, and announces another one. Past the queue: those in it
    // wait to be told of this start.
    while case .granted(let grant) = permission, pace.burst == 1,
      Time.monotonic() > grant.time + pace.window / 2
    {
      permission = try announce(host, own, ready: ready, missed: grant.latest, stop)
    }
    return permission
  }

  /// Announces a start, and waits for its time. Whoever stands here may have to wait for the delay and longer: orders
  /// are looked at again before each announcement.
  private func announce(
    _ host: String, _ own: RateLimit, ready: Int64, missed: Int64?, _ stop: ShutdownSignal
  ) throws(Fatal) -> Permission {
    var missed = missed
    var due = Time.monotonic()
    while !stop.isRequested {
      let steering = try steering(of: host)
      guard steering.closure(at: Time.wall()) == nil else { return .paused }
      switch try decide(host, steering.pace(own), ready: ready, missed: missed) {
      case .at(let time, let grant, let decided):
        let now = Time.monotonic()
        lead.withLock { $0.observe(took: now - due, transaction: now - decided) }
        return stop.sleep(until: time, isPrecise: true) ? .granted(grant) : .stopped
      case .notBefore(let time):
        missed = nil
        guard stop.sleep(until: time) else { return .stopped }
        due = max(due, time)
      case .paused: return .paused
      }
    }
    return .stopped
  }

  private enum Announcement {
    case at(Int64, Grant, decided: Int64)
    case notBefore(Int64)
    case paused

    init(_ start: HostBudget.Start, refusals: Int, now: Int64) {
      self =
        switch start {
        case .at(let time, let latest):
          .at(time, Grant(refusals: refusals, time: time, latest: latest), decided: now)
        case .notBefore(let time): .notBefore(time)
        case .pausedMeanwhile: .paused
        }
    }
  }

  private func decide(
    _ host: String, _ pace: RateLimit, ready: Int64, missed: Int64?
  ) throws(Fatal) -> Announcement {
    let lead = lead.withLock { $0 }
    let decide: @Sendable (inout HostBudget) -> Announcement = { budget in
      let now = Time.monotonic()
      let start = budget.start(
        now: now, pace: pace, lead: lead.nanoseconds, takes: lead.transaction, ready: ready,
        missed: missed)
      return Announcement(start, refusals: budget.refusals, now: now)
    }
    if storage.locksToLook {
      // Most of the time it is not yet one's turn.
      var seen = try storage.budget(of: host) ?? HostBudget()
      let look = decide(&seen)
      guard case .at = look else { return look }
    }
    return try update(host, decide)
  }

  /// The third step, as soon as the request was sent: from now on everybody knows when.
  package func sent(_ grant: Grant, host: String, pace: RateLimit) throws(Fatal) {
    let host = names[host] ?? host
    let pace = try steering(of: host).pace(pace)
    guard pace.delay > 0, pace.burst == 1 else { return }
    let now = Time.monotonic()
    try update(host) { $0.sent(at: now, latest: grant.latest, pace: pace) }
  }

  private func waitForPause(_ host: String, _ stop: ShutdownSignal) throws(Fatal) -> Bool {
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
  package func refuse(host: String, retryAfter: Double?, base: Double) throws(Fatal) -> Double {
    try update(names[host] ?? host) { budget in
      let now = Time.monotonic()
      budget.refuse(now: now, retryAfter: retryAfter, base: base)
      return Double(budget.pausedUntil - now) / 1e9
    }
  }

  /// The host answered well after its ``Grant`` had told of refusals.
  package func succeed(host: String) throws(Fatal) {
    try update(names[host] ?? host) { $0.succeed() }
  }

  func update<T: Sendable>(
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
