import Testing

@testable import fetch

@Suite struct AdaptiveWorkersTests {
  /// A portal that answers within `latency` seconds up to `capacity` documents a second; beyond, its
  /// answers get slower, or it refuses.
  private struct SimulatedPortal {
    let latency: Double
    let capacity: Double
    var refuses = false

    /// Lets the controller work for so many seconds; the limits that it went through.
    func run(_ workers: inout AdaptiveWorkers, seconds: Double) -> [Int] {
      var now = 0.0
      var limits: [Int] = []
      var count = 0
      while now < seconds {
        let possible = Double(workers.limit) / latency
        let paced = workers.delay > 0 ? min(possible, 1 / workers.delay) : possible
        let isOverloaded = paced > capacity
        let rate = isOverloaded && !refuses ? capacity : paced
        now += 1 / rate
        count += 1
        let slow = isOverloaded && !refuses ? Double(workers.limit) / capacity : latency
        let isDropped = isOverloaded && refuses && count % 10 == 0
        _ = workers.finished(
          latency: slow, isDropped: isDropped, now: Int64(now * 1e9) + 1_000_000_000)
        limits.append(workers.limit)
      }
      return limits
    }
  }

  @Test func findsWhatThePortalCanDo() {
    var workers = AdaptiveWorkers(maximum: 64, delay: 0)
    let limits = SimulatedPortal(latency: 0.5, capacity: 20).run(&workers, seconds: 600)
    let settled = limits.suffix(limits.count / 2)
    #expect(settled.allSatisfy { (8...14).contains($0) }, "20 a second at 0.5 s are 10 workers")
  }

  @Test func backsOffWhereThePortalRefuses() {
    var workers = AdaptiveWorkers(maximum: 64, delay: 0)
    let limits = SimulatedPortal(latency: 0.5, capacity: 20, refuses: true)
      .run(&workers, seconds: 600)
    #expect(limits.max() ?? 0 <= 12)
    #expect(limits.suffix(limits.count / 2).allSatisfy { $0 >= 4 })
  }

  @Test func neverBeyondWhatTheDelayCanUse() {
    var workers = AdaptiveWorkers(maximum: 64, delay: 0.5)
    let limits = SimulatedPortal(latency: 1, capacity: 1000).run(&workers, seconds: 600)
    #expect(limits.max() ?? 0 <= 3)
  }

  @Test func staysWithinItsBounds() {
    var workers = AdaptiveWorkers(minimum: 2, maximum: 5, delay: 0)
    let limits = SimulatedPortal(latency: 0.1, capacity: 10_000).run(&workers, seconds: 120)
    #expect(limits.min() == 2 && limits.max() == 5)
    for tick in 1...1000 {
      _ = workers.finished(
        latency: 0.1, isDropped: true, now: Int64(200 + tick) * 1_000_000_000)
    }
    #expect(workers.limit == 2)
  }
}
