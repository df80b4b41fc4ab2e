/// How quickly a host may be asked.
public struct Pace: Sendable, Equatable {
  /// Seconds between two request starts, in the long run; 0 for no limit.
  public var delay: Double
  /// So many requests may follow each other at once after a rest; 1 keeps every gap.
  public var burst: Int

  /// A pace; a negative delay counts as 0, a burst below 1 as 1.
  public init(delay: Double, burst: Int = 1) {
    self.delay = max(0, delay)
    self.burst = max(1, burst)
  }

  /// The delay in nanoseconds.
  var gap: Int64 { Int64(delay * 1e9) }
  /// How far ahead of the even pace a request may be, in nanoseconds (the tolerance of the generic
  /// cell rate algorithm, ITU-T I.371).
  var tolerance: Int64 { gap * Int64(burst - 1) }
}

/// The polite budget of one host: pure arithmetic on times in nanoseconds of the monotonic clock.
///
/// A request takes two steps. It *reserves* the next free slot and sleeps until then; slots are the
/// delay apart, so nobody overtakes and nobody starves. Then it *starts*: a thread that woke up late
/// must not let the next one follow too closely, so what counts for the gap is the real start.
public struct HostBudget: Sendable, Equatable {
  /// The first slot that nobody has reserved.
  public var nextSlot: Int64 = 0
  /// The last start.
  public var lastStart: Int64 = 0
  /// No request starts before this time.
  public var pausedUntil: Int64 = 0
  /// Refusals (429, 503) since the last good answer.
  public var refusals = 0

  /// A thread that wakes up later than this after its start begins anew, in nanoseconds.
  public static let tolerance: Int64 = 400_000

  /// No longer pause is taken from a portal's answer, in seconds (promise P6).
  public static let longestPause = 3600.0

  /// A host that was never asked.
  public init() {}

  /// Takes the next free slot, and returns its time.
  public mutating func reserve(now: Int64, pace: Pace) -> Int64 {
    let even = max(now, nextSlot, pausedUntil)
    nextSlot = even + pace.gap
    return max(now, pausedUntil, even - pace.tolerance)
  }

  /// What a thread is to do whose slot has come.
  public enum Start: Sendable, Equatable {
    /// Start at this time, which is now or a moment later.
    case at(Int64)
    /// A pause came in between: reserve again.
    case pausedMeanwhile
  }

  /// Starts a request, or says why not. `lead` is how far in the future a start has to be
  /// (``Lead``).
  public mutating func start(now: Int64, pace: Pace, lead: Int64) -> Start {
    guard pausedUntil <= now else { return .pausedMeanwhile }
    lastStart = pace.burst > 1 ? now : max(now + lead, lastStart + pace.gap)
    if pace.burst == 1 { nextSlot = max(nextSlot, lastStart + pace.gap) }
    return .at(lastStart)
  }

  /// The host refused: nobody asks for a while. It says how long, or the pause doubles with each
  /// refusal in a row, from `base` seconds up to five minutes.
  public mutating func refuse(now: Int64, retryAfter: Double?, base: Double) {
    refusals += 1
    var pause = min(base, 300)
    for _ in 1..<min(refusals, 20) { pause = min(pause * 2, 300) }
    let seconds = max(0, min(retryAfter ?? pause, Self.longestPause))
    pausedUntil = max(pausedUntil, now + Int64(seconds * 1e9))
  }

  /// The host answered well.
  public mutating func succeed() { refusals = 0 }

  /// Times beyond the longest pause are nobody's: a clock was set back. Nobody waits for them longer
  /// than that.
  mutating func forgetFarFuture(now: Int64) {
    let latest = now + Int64(Self.longestPause * 1e9)
    nextSlot = min(nextSlot, latest)
    lastStart = min(lastStart, latest)
    pausedUntil = min(pausedUntil, latest)
  }

  /// Brings times of an earlier start of the machine to this one's clock: slots are void, what is
  /// left of a pause (`wallPausedUntil`, wall clock) goes on.
  public mutating func afterReboot(now: Int64, wallNow: Int64, wallPausedUntil: Int64) {
    nextSlot = 0
    lastStart = 0
    let longest = Int64(Self.longestPause * 1e9)
    pausedUntil = now + max(0, min(wallPausedUntil - wallNow, longest))
  }
}
