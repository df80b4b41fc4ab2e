@testable import Limiter
import Support
import Testing

/// That requests come, whoever wakes up late: the budget alone, with threads that are only numbers.
@Suite struct LivenessTests {
  /// One thread that asks for the same host again and again.
  private struct Thread {
    enum Step { case reserve, announce, send, note }
    var step = Step.reserve
    var wakesAt: Int64
    /// When it wanted to wake up.
    var due: Int64 = 0
    var ready: Int64 = 0
    var time: Int64 = 0
    var latest: Int64 = 0
    var lead = StartMargin()
    var missed: Int64?
    var sentAt: Int64 = 0
  }

  /// How late threads wake up, in nanoseconds.
  struct Lateness: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let of: @Sendable (inout SeededRandom) -> Int64

    static let kinds = [
      Lateness(testDescription: "never") { _ in 0 },
      Lateness(testDescription: "always 3 ms") { _ in 3_000_000 },
      Lateness(testDescription: "up to 4 ms") { .random(in: 0...4_000_000, using: &$0) },
      Lateness(testDescription: "1 in 20 by 30 ms") { random in
        Int.random(in: 1...20, using: &random) == 1 ? 30_000_000 : 100_000
      },
    ]
  }

  /// When requests are sent, in order, and by which thread. Each thread is a process of its own, which is harder than it is.
  /// A transaction is over `cost` nanoseconds after its decision.
  private func starts(
    threads count: Int, pace: RateLimit, requests: Int, _ lateness: Lateness, cost: Int64 = 0
  ) -> [(time: Int64, thread: Int)] {
    var random = SeededRandom(seed: UInt64(count) &+ UInt64(pace.gap))
    var budget = HostBudget()
    var threads = (0..<count).map { Thread(wakesAt: 1_000_000_000 + Int64($0)) }
    var sent: [(time: Int64, thread: Int)] = []
    var steps = 0
    while sent.count < requests, steps < 10_000 * requests {
      steps += 1
      guard let next = threads.indices.min(by: { threads[$0].wakesAt < threads[$1].wakesAt })
      else { break }
      let now = threads[next].wakesAt
      let lead = threads[next].lead.nanoseconds
      let takes = threads[next].lead.transaction
      func sleep(until time: Int64, exactly: Bool = false) {
        threads[next].due = max(now, time)
        threads[next].wakesAt = max(now, time) + (exactly ? 0 : lateness.of(&random))
      }
      switch threads[next].step {
      case .reserve:
        let slot = budget.reserve(now: now, pace: pace)
        threads[next].step = .announce
        sleep(until: slot - 2 * lead)
        threads[next].ready = threads[next].wakesAt
      case .announce:
        let start = budget.start(
          now: now, pace: pace, lead: lead, takes: takes, ready: threads[next].ready,
          missed: threads[next].missed)
        threads[next].missed = nil
        switch start {
        case .at(let time, let latest):
          (threads[next].step, threads[next].latest) = (.send, latest)
          threads[next].time = time
          threads[next].lead.observe(
            took: now + cost - threads[next].due, transaction: cost)
          // Who need not wait need not wake up.
          sleep(until: max(time, now + cost), exactly: time <= now + cost)
        case .notBefore(let time): sleep(until: time)
        case .pausedMeanwhile: break
        }
      case .send:
        if now > threads[next].time + pace.window / 2 {
          threads[next].missed = threads[next].latest
          threads[next].due = now
          threads[next].step = .announce
        } else {
          sent.append((now, next))
          threads[next].sentAt = now
          threads[next].step = .note
          // It may be held up before it can say so.
          sleep(until: now)
        }
      case .note:
        // What a thread notes is never before the moment that counts.
        budget.sent(at: now, latest: threads[next].latest, pace: pace)
        threads[next].step = .reserve
      }
    }
    return sent
  }

  @Test(arguments: [0.05, 0.1, 0.5, 3, 10], Lateness.kinds)
  func requestsComeAndKeepTheirDistance(delay: Double, lateness: Lateness) {
    let pace = RateLimit(delay: delay)
    for count in [1, 2, 5, 64] {
      let times = starts(threads: count, pace: pace, requests: 400, lateness).map(\.time)
      let gaps = zip(times, times.dropFirst()).map { $1 - $0 }
      #expect(gaps.allSatisfy { $0 >= pace.gap })
      let span = Double((times.last ?? 0) - (times.first ?? 0)) / 1e9
      // What threads sleep too long between waking up and sending is lost, and nothing else.
      #expect(
        Double(gaps.count) * delay / span >= (delay < 0.1 ? 0.85 : 0.9),
        "\(count) threads, \(lateness)")
    }
  }

  /// A database far away, or a machine where everything takes its time: each decision is known to the
  /// thread only later.
  @Test(arguments: [0.01, 0.02, 0.1, 1], [1_000_000, 30_000_000, 300_000_000] as [Int64])
  func requestsComeHoweverLongATransactionTakes(delay: Double, cost: Int64) {
    let pace = RateLimit(delay: delay)
    for count in [1, 3] {
      let times = starts(
        threads: count, pace: pace, requests: 10, Lateness.kinds[2], cost: cost
      ).map(\.time)
      #expect(times.count == 10)
      #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= pace.gap })
    }
  }

  @Test func everyThreadGetsItsTurn() {
    let pace = RateLimit(delay: 0.1)
    for lateness in Lateness.kinds {
      let threads = starts(threads: 50, pace: pace, requests: 300, lateness).map(\.thread)
      // Not in turn to the last place, but nobody is passed over for long.
      for thread in 0..<50 {
        #expect((1...10).contains(threads.count { $0 == thread }), "\(thread), \(lateness)")
      }
    }
  }
}
