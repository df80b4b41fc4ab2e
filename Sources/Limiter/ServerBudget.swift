import Common

/// A budget that is kept by the clock of a server, and how its times become this machine's.
///
/// Machines share no monotonic clock, so the server's clock is everybody's: each question asks for its
/// time, and translates. Its answer was true at some moment between the question and its coming, and the
/// doubt counts both ways on the slow side: a time that is read is taken as late as it can be, and so is
/// one that is noted. So no gap between two machines shrinks, whatever their ways; it grows by one way there
/// and back. The clock of the server has to be slewed, as chrony and NTP do, not set. Pure.
struct ServerBudget {
  /// When the server was asked for its time and answered, by the monotonic clock here, and what it said, in
  /// microseconds since 1970.
  struct Clock {
    let asked: Int64
    let answered: Int64
    let server: Int64
  }

  /// A start that this process noted: by the server's clock, and by its own, which leaves no doubt.
  struct OwnStart {
    let raw: Int64
    let local: Int64
  }

  /// By this machine's clock.
  let budget: HostBudget
  /// Next slot, last start and end of the pause by the server's clock, in microseconds.
  let raw: [Int64]
  /// Nanoseconds that the server's clock is ahead of the monotonic one here, at least and at most.
  private let least: Int64
  private let most: Int64

  /// The times that may be kept, in microseconds since 1970: until the year 2116.
  static let possibleTimes = 0...HostBudget.possibleTimes.upperBound / 1000

  /// `nil` for numbers that this program has not written.
  init?(raw: [Int64], refusals: Int64, _ clock: Clock, _ own: OwnStart?) {
    guard raw.count == 3, (raw + [clock.server]).allSatisfy(Self.possibleTimes.contains),
      HostBudget.possibleRefusals.contains(refusals)
    else { return nil }
    self.raw = raw
    let (least, most) = (clock.server * 1000 - clock.answered, clock.server * 1000 - clock.asked)
    (self.least, self.most) = (least, most)
    let local = raw.map { $0 == 0 ? 0 : $0 * 1000 - least }
    var budget = HostBudget()
    budget.nextSlot = local[0]
    budget.lastStart = own.flatMap { $0.raw == raw[1] ? $0.local : nil } ?? local[1]
    budget.pausedUntil = local[2]
    budget.refusals = Int(refusals)
    budget.forgetFarFuture(now: clock.answered)
    self.budget = budget
  }

  /// The times of what this budget was changed to, by the server's clock. Those that did not change stay as they
  /// were, to the microsecond: otherwise each change would add its doubt.
  func raw(of changed: HostBudget) -> [Int64] {
    func time(_ time: Int64, _ before: Int64, _ raw: Int64) -> Int64 {
      if time == before { return raw }
      // 0 means never; rounded up, so that no gap shrinks.
      return time == 0 ? 0 : time.addingClamped(most).addingClamped(999) / 1000
    }
    return [
      time(changed.nextSlot, budget.nextSlot, raw[0]),
      time(changed.lastStart, budget.lastStart, raw[1]),
      time(changed.pausedUntil, budget.pausedUntil, raw[2]),
    ]
  }
}
