import Common

/// How quickly a host may be asked.
package struct RateLimit: Sendable, Equatable {
  /// Seconds between two request starts, in the long run; 0 for no limit.
  package var delay: Double
  /// So many requests may follow each other at once after a rest; 1 keeps every gap.
  package var burst: Int

  /// The longest delay, a year, in seconds: what is longer would not fit into the arithmetic.
  static let longestDelay = 31_536_000.0

  /// A pace; a negative delay counts as 0, one of more than a year as a year, a burst below 1 as 1.
  package init(delay: Double, burst: Int = 1) {
    self.delay = delay > 0 ? min(delay, Self.longestDelay) : 0
    self.burst = max(1, burst)
  }

  /// The delay in nanoseconds.
  var gap: Int64 { Int64(delay * 1e9) }

  /// How far ahead of the even pace a request may be, in nanoseconds (the tolerance of the generic
  /// cell rate algorithm, ITU-T I.371).
  var tolerance: Int64 { gap.multipliedClamped(by: Int64(burst - 1)) }

  /// How long after its time an announced request may still be sent, in nanoseconds; half of it is for who looks at the
  /// clock, the rest for the way to the system.
  var window: Int64 { min(gap / 4, 100_000_000) }
}

/// The polite budget of one host: pure arithmetic on times in nanoseconds of the monotonic clock.
///
/// A request takes three steps. It *reserves* the next free slot and sleeps until then; slots are the
/// delay apart, so that no process overtakes another. It *announces* its start for a window of time,
/// and nobody else may start until it is known when that was. Once the request is *sent*, it says so, and the
/// next one may start a delay after that moment. Who says nothing for half a second counts as sent then.
///
/// So a thread that wakes up late starts late, and no slot is lost for it: no other one could have
/// announced a start meanwhile. And whatever holds it up, no gap shrinks.
package struct HostBudget: Sendable, Equatable {
  /// The first slot that nobody has reserved.
  package var nextSlot: Int64 = 0
  /// The last start, or, until that is known, the end of ``announcementTimeout`` for one that was announced; 0 for none.
  package var lastStart: Int64 = 0
  /// No request starts before this time.
  package var pausedUntil: Int64 = 0
  /// Refusals (429, 503) since the last good answer; those of one pause are one.
  package var refusals = 0

  /// No longer pause is taken from a portal's answer, in seconds (promise P6).
  package static let longestPause = 3600.0

  /// How long requests whose slot has come may wait for those before them, in nanoseconds. A line of
  /// that length makes up for those that come late; a longer one would only hold connections.
  static let allowedBacklog: Int64 = 1_000_000_000

  /// How long everybody waits to be told when an announced request was sent, in nanoseconds. A thread that is
  /// preempted (or stopped) between its last look at the clock and the system call that sends is late by more
  /// than any window; on a machine with a load of 17 one gap in 4,000 was shorter for that. It costs only where a process
  /// is killed at that moment.
  static let announcementTimeout: Int64 = 500_000_000

  /// A host that was never asked.
  package init() {}

  /// Takes the next free slot, and returns its time.
  package mutating func reserve(now: Int64, pace: RateLimit) -> Int64 {
    let even = max(now, nextSlot, pausedUntil)
    nextSlot = even.addingClamped(pace.gap)
    return max(now, pausedUntil, even.subtractingClamped(pace.tolerance))
  }

  /// What a thread is to do whose slot has come.
  package enum Start: Sendable, Equatable {
    /// Start at this time, which is now or a moment later; everybody waits to be told so until `latest`.
    case at(Int64, latest: Int64)
    /// It is not its turn: to be asked again at this time.
    case notBefore(Int64)
    /// A pause came in between: reserve again.
    case pausedMeanwhile
  }

  /// Announces a start, or says why not yet.
  ///
  /// - Parameters:
  ///   - lead: how far ahead a start may be announced, in nanoseconds (``StartMargin``).
  ///   - takes: how long it takes from this decision until it is known, in nanoseconds.
  ///   - ready: since when this request has waited here.
  ///   - missed: the `latest` of what the same request announced before, and could not keep.
  package mutating func start(
    now: Int64, pace: RateLimit, lead: Int64, takes: Int64 = 0, ready: Int64, missed: Int64? = nil
  ) -> Start {
    guard pausedUntil <= now else { return .pausedMeanwhile }
    guard pace.burst == 1 else {
      // With a burst no gap is kept: the start is now.
      lastStart = now
      return .at(now, latest: now)
    }
    // Where nobody has announced a start since, the gap to the one before is kept already; a host that was
    // never asked has none to be kept.
    let isFree = lastStart == 0 || lastStart == missed
    // Where a transaction takes longer than the window, a start "now" would be over before it is announced,
    // each time: then it is for a moment that is still to come.
    let far = takes > pace.window ? takes.addingClamped(takes) : 0
    let soonest = now.addingClamped(far)
    let earliest = isFree ? soonest : lastStart.addingClamped(pace.gap)
    // Who has waited for longer may announce earlier, so that nobody is passed over again and again.
    let waited = max(0, now.subtractingClamped(ready))
    let ahead = max(far, min(lead.addingClamped(waited / 8), pace.window))
    guard isFree || earliest.subtractingClamped(now) <= ahead else {
      let inTime = earliest.subtractingClamped(ahead)
      // A start that may still be under way is known better in a moment.
      let moment = lastStart > now ? now.addingClamped(max(pace.window, takes, 1_000_000)) : inTime
      return .notBefore(min(moment, inTime))
    }
    let time = max(soonest, earliest)
    lastStart = time.addingClamped(Self.announcementTimeout)
    shorten(backlog: time.subtractingClamped(ready), pace)
    return .at(time, latest: lastStart)
  }

  /// A line of requests that have waited for longer than makes sense gets shorter by and by: slots to
  /// come are a little more than the delay apart. By a sixteenth, as those that were
  /// reserved before do not know of it.
  private mutating func shorten(backlog: Int64, _ pace: RateLimit) {
    guard backlog > Self.allowedBacklog else { return }
    nextSlot = nextSlot.addingClamped(min(pace.gap, backlog - Self.allowedBacklog) / 16)
  }

  /// The request that was announced until `latest` was sent at `time`, or a little before.
  package mutating func sent(at time: Int64, latest: Int64, pace: RateLimit) {
    guard pace.burst == 1 else { return }
    lastStart = lastStart == latest ? time : max(lastStart, time)
    nextSlot = max(nextSlot, time.addingClamped(pace.gap))
  }

  /// The host refused: nobody asks for a while. It says how long, or the pause doubles with each
  /// refusal in a row, from `base` seconds up to five minutes.
  ///
  /// Nothing is sent in a pause. What is refused in one was under way when it began, and says nothing new: else a
  /// moment's trouble with 16 requests under way would be sixteen in a row, and five minutes.
  package mutating func refuse(now: Int64, retryAfter: Double?, base: Double) {
    if refusals == 0 || pausedUntil <= now { refusals += 1 }
    var pause = min(base, 300)
    for _ in 1..<min(refusals, 20) { pause = min(pause * 2, 300) }
    let seconds = max(0, min(retryAfter ?? pause, Self.longestPause))
    pausedUntil = max(pausedUntil, now.addingClamped(Int64(seconds * 1e9)))
  }

  package mutating func succeed() { refusals = 0 }

  /// Times beyond the longest pause are nobody's: a clock was set back. Nobody waits for them longer
  /// than that.
  mutating func forgetFarFuture(now: Int64) {
    let latest = now.addingClamped(Int64(Self.longestPause * 1e9))
    nextSlot = min(nextSlot, latest)
    lastStart = min(lastStart, latest)
    pausedUntil = min(pausedUntil, latest)
  }

  /// What is left of a pause that was noted by the wall clock, before the machine was started again.
  static func afterReboot(
    now: Int64, wallNow: Int64, wallPausedUntil: Int64, refusals: Int
  ) -> HostBudget {
    let longest = Int64(longestPause * 1e9)
    var budget = HostBudget()
    let left = wallPausedUntil.subtractingClamped(wallNow)
    budget.pausedUntil = now + max(0, min(left, longest))
    budget.refusals = refusals
    return budget
  }

  /// The times that a limiter may hold, in nanoseconds: 146 years. What is beyond was not written by
  /// this program.
  static let possibleTimes: ClosedRange<Int64> = 0...(1 << 62)
  /// The numbers of refusals that it may hold.
  static let possibleRefusals: ClosedRange<Int64> = 0...Int64(Int32.max - 1)
}

/// How far ahead of its time a start is announced: the thread has to wake up and its transaction to be
/// over by then. Pure; learns how long that takes here and now.
struct StartMargin: Sendable, Equatable {
  /// What it is at least, and at first, in nanoseconds: enough for a file on an idle machine.
  static let shortest: Int64 = 2_000_000
  /// What it is at most, in nanoseconds.
  static let longest: Int64 = 200_000_000
  /// The longest transaction that it believes in, in nanoseconds.
  static let longestTransaction: Int64 = 10_000_000_000

  private(set) var nanoseconds = shortest
  /// How long a decision takes until it is known, smoothed, in nanoseconds.
  private(set) var transaction: Int64 = 0

  /// An announcement was over so many nanoseconds after the thread wanted to wake up for it, and so many after what it
  /// announces was decided. The lead becomes twice of the first at once where it was shorter, and by steps where
  /// it was longer.
  mutating func observe(took: Int64, transaction latest: Int64) {
    let wanted = max(Self.shortest, min(took, Self.longest / 2) * 2)
    if wanted > nanoseconds {
      nanoseconds = wanted
    } else {
      nanoseconds -= (nanoseconds - wanted) / 8
    }
    transaction += (min(latest, Self.longestTransaction) - transaction) / 4
  }
}
