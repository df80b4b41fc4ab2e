import Common
import Glibc
import Index

/// How many documents are claimed at a time: few at first, then twice as many each time, up to a limit.
///
/// A run that ends at once, because it was stopped or killed, has then taken few documents with it.
struct ClaimSize {
  let maximum: Int
  private(set) var next: Int

  init(maximum: Int, first: Int) {
    self.maximum = max(1, maximum)
    next = max(1, min(first, maximum))
  }

  mutating func grow() { next = min(maximum, next * 2) }
}

/// How many quarantined documents are worked on side by side: one, so that a crash names its culprit;
/// more and more, once so many have ended well that the crashes before came from elsewhere.
struct QuarantineWidth {
  /// About as many as a crash takes along of which one is to blame.
  static let trial = 32

  private let maximum: Int
  private var endedWell = 0
  private var last = 0
  private(set) var next = 1

  init(maximum: Int) { self.maximum = max(1, maximum) }

  /// Notes that `count` were claimed: those before them have ended, or there would be none.
  mutating func claimed(_ count: Int) {
    endedWell += last
    last = count
    if endedWell >= Self.trial { next = min(maximum, next * 2) }
  }
}

/// Claims that change nothing although there is something to claim: rows that are locked, hidden, or kept as
/// they are by a trigger.
struct Blockage {
  /// In seconds.
  static let longestPause = 60.0

  private var tries = 0

  /// Whether the last claim was the first that changed nothing: now each document is tried by itself.
  var isSecondTry: Bool { tries == 1 }

  /// Whether it lasts: another run may just have taken what there was.
  var isWorthAWord: Bool { tries > 4 }

  /// Seconds to the next try; twice as many each time.
  mutating func next() -> Double {
    tries += 1
    return min(Self.longestPause, 0.05 * Double(1 << min(tries, 20)))
  }
}

/// Notices when an index does not move.
struct StallWatch {
  /// Seconds without change that are worth a word.
  static let limit = 600.0

  private let limit: Double
  private var last: (queueCounts: QueueCounts, since: Int64)?

  init(limit: Double = limit) { self.limit = limit }

  /// Whether documents are in progress here and nothing changed for the limit, since this was last
  /// true.
  mutating func isStalled(_ queueCounts: QueueCounts, now: Int64 = Time.monotonic()) -> Bool {
    var queueCounts = queueCounts
    queueCounts.secondsToNext = nil
    guard let last, last.queueCounts == queueCounts else {
      last = (queueCounts, now)
      return false
    }
    guard queueCounts.inProgressHere > 0, Double(now - last.since) / 1e9 >= limit else {
      return false
    }
    self.last = (queueCounts, now)
    return true
  }
}

/// The end of the pipeline that we hold: standard output.
enum StdoutGate {
  /// Waits until a line of usual length can be written at once. False when a stop came first: a
  /// write(2) into a full pipe could not be woken.
  static func waitUntilWritable(_ stop: ShutdownSignal, unless end: Latch) -> Bool {
    var descriptors = [
      pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0),
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: end.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    while !stop.isRequested, !end.hasHappened {
      poll(&descriptors, 3, -1)
      if descriptors[0].revents != 0 { return !stop.isRequested && !end.hasHappened }
    }
    return false
  }

  /// Lets the pipe hold no more than `bytes`: what waits in it cannot be given back at a stop, and is lost
  /// with its lease where a tool is killed. Linux rounds up to a page and has 64 KiB by itself
  /// (fcntl(2), F_SETPIPE_SZ); where standard output is no pipe, nothing happens.
  static func limitPipe(to bytes: Int32) {
    // F_SETPIPE_SZ is a macro that Swift does not import.
    _ = fcntl(STDOUT_FILENO, 1031, bytes)
  }
}
