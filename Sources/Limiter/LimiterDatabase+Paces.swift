import Common
import Postgres

/// How long a host's good answers take, smoothed. Pure.
struct HostPace: Sendable {
  /// How much an answer counts.
  private static let weight = 0.1
  /// What was measured is kept so often, in nanoseconds.
  private static let distance: Int64 = 10_000_000_000

  /// Seconds.
  private(set) var latency: Double?
  private var keptAt: Int64?

  /// Takes one more answer; returns whether it is time to keep what was measured.
  mutating func observe(_ seconds: Double, now: Int64) -> Bool {
    latency = latency.map { $0 + Self.weight * (seconds - $0) } ?? seconds
    if let keptAt, now - keptAt < Self.distance { return false }
    keptAt = now
    return true
  }
}

/// A place that keeps how quickly a stage's hosts answer, where somebody wants to know.
protocol PaceStorage: Sendable {
  /// Latency and delay in seconds.
  func keep(_ latency: Double, delay: Double, of host: String, stage: String) throws(Fatal)
}

/// How a stage's hosts are asked and how quickly they answer, in a table that somebody makes who wants to know: the
/// view that says how many pipelines are worth having reads it (`enqueue scaling`).
extension LimiterDatabase: PaceStorage {
  func keep(_ latency: Double, delay: Double, of host: String, stage: String) throws(Fatal) {
    // Nobody waits for a server that is away: the next request does.
    try pool.use(retryTimeout: 0) { connection, _ in
      let found = try connection.query("SELECT to_regclass('conveyor_paces') IS NOT NULL")
      guard found.values.first?.first == "t" else { return }
      try connection.query(
        """
        INSERT INTO conveyor_paces AS kept (stage, host, delay, latency) VALUES ($1, $2, $3, $4)
        ON CONFLICT (stage, host) DO UPDATE SET delay = excluded.delay, noted_at = now(),
          latency = kept.latency + 0.3 * (excluded.latency - kept.latency)
        """, [stage, host, String(delay), String(latency)])
    }
  }
}

extension Limiter {
  /// Hosts that are measured: links may lead to very many.
  private static let mostHosts = 20

  /// A request of a stage was answered well after so many seconds. What is measured goes to the server every ten
  /// seconds; where it does not take it, that is reported once, and no reason to end a run.
  package func answered(host: String, pace: RateLimit, after seconds: Double, stage: String) {
    // Files and Redis keep none, and nothing is measured for them.
    guard let paceStorage else { return }
    let host = names[host] ?? host
    let latency = paces.withLock { paces -> Double? in
      guard let count = paces?.count, paces?[host] != nil || count < Self.mostHosts else {
        return nil
      }
      let isTime = paces?[host, default: HostPace()].observe(seconds, now: Time.monotonic())
      return isTime == true ? paces?[host]?.latency : nil
    }
    guard let latency else { return }
    do throws(Fatal) {
      let delay = try steering(of: host).pace(pace).delay
      try paceStorage.keep(latency, delay: delay, of: host, stage: stage)
    } catch  where error.code != .unavailable {
      paces.withLock { $0 = nil }
      report("how quickly hosts answer is not kept for enqueue scaling: \(error.message)")
    } catch {
      // Away for now.
    }
  }
}
