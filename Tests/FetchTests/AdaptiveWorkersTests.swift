import Foundation
import Support
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
    // It doubles until the first refusal.
    #expect(limits.max() ?? 0 <= 16)
    #expect(limits.suffix(limits.count / 2).allSatisfy { (4...12).contains($0) })
  }

  @Test func neverBeyondWhatTheDelayCanUse() {
    var workers = AdaptiveWorkers(maximum: 64, delay: 0.5)
    let limits = SimulatedPortal(latency: 1, capacity: 1000).run(&workers, seconds: 600)
    #expect(limits.max() ?? 0 <= 3)
  }

  @Test func beginsWithWhatTheDelayKeepsBusy() {
    var workers = AdaptiveWorkers(maximum: 64, delay: 0.1)
    let limits = SimulatedPortal(latency: 0.8, capacity: 1000).run(&workers, seconds: 10)
    // Little's bound is 8; what answers take varies.
    #expect((9...10).contains(limits.last ?? 0))
  }

  /// One quick window used to cut the workers for minutes, and one lucky one was never beaten.
  @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
  func oneWindowOfLuckIsForgotten(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var workers = AdaptiveWorkers(maximum: 64, delay: 0.1)
    var now = 1.0
    var limits: [Int] = []
    for number in 0..<6000 {
      // From 0.4 to 1.2 s; ten seconds of answers that are much quicker at first.
      let latency = number < 100 ? 0.2 : Double.random(in: 0.4...1.2, using: &random)
      now += max(0.1, latency / Double(workers.limit))
      _ = workers.finished(latency: latency, isDropped: false, now: Int64(now * 1e9))
      limits.append(workers.limit)
    }
    let settled = limits.suffix(3000)
    #expect(settled.count { (8...10).contains($0) } >= 2700, "\(settled.max() ?? 0)")
  }

  /// Answers that differ as much as their mean: thirty of them told a quick portal from a slow one as a coin does.
  @Test(arguments: [0, 0.1], [1, 2, 3] as [UInt64])
  func answersThatDifferMuchAreNotTakenForSlowOnes(delay: Double, seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var workers = AdaptiveWorkers(maximum: 16, delay: delay)
    var now = 1.0
    var limits: [Int] = []
    for _ in 0..<20_000 {
      let latency = -0.8 * log(Double.random(in: 1e-9...1, using: &random))
      now += max(delay, 0.8 / Double(workers.limit))
      _ = workers.finished(latency: latency, isDropped: false, now: Int64(now * 1e9))
      limits.append(workers.limit)
    }
    let enough = delay > 0 ? 8 : 16
    #expect(limits.suffix(10_000).count { $0 >= enough } >= 9_500)
  }

  @Test func slownessThatFewerWorkersDoNotMendIsTakenAsItIs() {
    var workers = AdaptiveWorkers(maximum: 20, delay: 0)
    _ = SimulatedPortal(latency: 0.2, capacity: 10_000).run(&workers, seconds: 120)
    #expect(workers.limit == 20)
    // A slower day: three times as long, however few ask.
    var now = 200.0
    for _ in 0..<20_000 {
      now += 0.6 / Double(workers.limit)
      _ = workers.finished(latency: 0.6, isDropped: false, now: Int64(now * 1e9))
    }
    #expect(workers.limit == 20)
  }

  @Test func replaysWhatTheBenchmarkSays() {
    var workers = AdaptiveWorkers(minimum: 2, maximum: 9, delay: 0)
    var lines = ["", "0 0.5 0", "nonsense", "1e300 nan 1", "-1 0 0", ""]
    var answers: [String] = []
    workers.replay({ lines.isEmpty ? nil : lines.removeFirst() }) { answers.append($0) }
    #expect(answers == ["2\n", "2\n", "2\n", "2\n", "2\n"])
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
