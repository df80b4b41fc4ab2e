import Common
import Glibc
import Synchronization

/// Looks at the run for all viewers together: however many there are, the index is asked as often as for one, and not
/// at all while nobody looks.
///
/// Peers that count rows for each viewer each second keep the database busy by being looked at (riverui#106, oban#496,
/// oban_web#193). Here the next look comes after the longer of two seconds and a multiple of what the last one cost.
final class Sampler: Sendable {
  /// The two looks: what is in small indexes and files, and what needs the whole table.
  enum Kind: CaseIterable, Sendable {
    case quick, whole

    /// How many times of what it took nothing is asked: 5 %, and 1 % of the time for what reads a table as a whole.
    var rest: Double { self == .quick ? 20 : 100 }
  }

  /// Seconds between two looks at least.
  static let shortest = 2.0

  /// … and at most, in seconds, and after a look that failed.
  static let longest = 600.0
  static let afterFailure = 5.0

  /// Nanoseconds until the next look after one that took `cost` nanoseconds. Pure.
  static func interval(_ kind: Kind, cost: Int64, hasFailed: Bool = false) -> Int64 {
    let seconds = hasFailed ? afterFailure : Double(cost) / 1e9 * kind.rest
    return Int64(max(shortest, min(seconds, longest)) * 1e9)
  }

  private struct State {
    var sample = Sample()
    /// When each look is due, on the monotonic clock; nothing was looked at before the first.
    var due: [Kind: Int64] = [:]
    var viewers = 0
    var waiting: [@Sendable (Sample) -> Void] = []

    var isWanted: Bool { viewers > 0 || !waiting.isEmpty }
    var nextDue: Int64 { Kind.allCases.map { due[$0] ?? 0 }.min() ?? 0 }
  }

  private let state = Mutex(State())
  private let wake: WakeUp
  private let sources: Sources

  init(_ sources: Sources) throws(Fatal) {
    wake = try WakeUp()
    self.sources = sources
  }

  /// So many look on all the time.
  func setViewers(_ count: Int) {
    state.withLock { $0.viewers = count }
    wake.happen()
  }

  /// Gives `body` what was seen, at once where that is new enough, or when it was looked.
  func whenSeen(_ body: @escaping @Sendable (Sample) -> Void) {
    let sample = state.withLock { state -> Sample? in
      if state.nextDue > Time.monotonic() { return state.sample }
      state.waiting.append(body)
      return nil
    }
    if let sample { body(sample) } else { wake.happen() }
  }

  /// Something was changed: looks again at once, for those who look.
  func hurry() {
    state.withLock { $0.due[.quick] = 0 }
    wake.happen()
  }

  /// Looks, whenever that is wanted and due, until `stop`. `show` gets what was seen.
  func run(until stop: ShutdownSignal, show: (Sample) -> Void) {
    while !stop.isRequested {
      let (isWanted, due) = state.withLock { ($0.isWanted, $0.nextDue) }
      let now = Time.monotonic()
      guard isWanted, due <= now else {
        wait(isWanted ? due - now : nil, stop)
        continue
      }
      look(now)
      let (sample, waiting) = state.withLock { state in
        defer { state.waiting = [] }
        return (state.sample, state.waiting)
      }
      show(sample)
      for body in waiting { body(sample) }
    }
  }

  private func look(_ now: Int64) {
    var (sample, due) = state.withLock { ($0.sample, $0.due) }
    for kind in Kind.allCases where due[kind] ?? 0 <= now {
      let start = Time.monotonic()
      let isRead = sources.look(kind, &sample)
      let end = Time.monotonic()
      // What a look at a million rows took is given back to the system: the next one comes minutes later.
      if kind == .whole { AddressSpace.giveBackFreed() }
      due[kind] = end + Self.interval(kind, cost: end - start, hasFailed: !isRead)
      sample.cost[kind] = Double(end - start) / 1e9
    }
    let seen = sample
    let next = due
    state.withLock { state in
      state.sample = seen
      state.due = next
    }
  }

  private func wait(_ nanoseconds: Int64?, _ stop: ShutdownSignal) {
    var polled = [wake.poll, pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0)]
    let milliseconds = nanoseconds.map { Int32(clamping: max(1, $0 / 1_000_000 + 1)) }
    poll(&polled, 2, milliseconds ?? -1)
    if polled[0].revents != 0 { wake.clear() }
  }
}
