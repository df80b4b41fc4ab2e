import Files
import Glibc
import Synchronization

/// Something that happens once, and that threads of this process wait for.
///
/// It is a pipe whose only writer is closed: unlike a byte written, that cannot fail, and no thread waits
/// for ever because a byte got lost. No program started from here gets the pipe. A thread that waits
/// holds the latch, so that its descriptor is open as long as it is waited for.
package final class Latch: Sendable {
  /// Readable (POLLHUP) as soon as it has happened.
  package let descriptor: Int32
  private let writer: Int32
  private let isDue = Atomic<Bool>(true)

  /// Where no pipe can be made, no thread could be woken, and the run would never end: the process ends
  /// here, with a line and 74, and the next run reclaims what this one held.
  package init() {
    guard let ends = makePipe() else {
      let reason = String(cString: strerror(errno))
      _ = writeAll(Array("cannot make a pipe: \(reason)\n".utf8), to: STDERR_FILENO)
      _exit(ToolExit.inputOutput.rawValue)
    }
    (descriptor, writer) = ends
  }

  deinit {
    happen()
    close(descriptor)
  }

  /// Whether it has happened.
  package var hasHappened: Bool { !isDue.load(ordering: .acquiring) }

  /// Lets it happen; again, it does nothing.
  package func happen() {
    if isDue.exchange(false, ordering: .acquiringAndReleasing) { close(writer) }
  }

  /// Sleeps until the monotonic time `deadline` (nanoseconds, ``Time/monotonic()``), or until it
  /// happens. Returns whether the deadline was reached. `isPrecise` spends the last tenth of a
  /// millisecond awake, because a sleeping thread wakes up so much too late.
  package func sleep(until deadline: Int64, isPrecise: Bool = false) -> Bool {
    while !hasHappened {
      let left = deadline - Time.monotonic()
      guard left > 0 else { return true }
      if left >= 2_000_000 {
        // In steps that shrink: the kernel wakes a thread late by up to 0.1 % of what it waits for, by 0.5 %
        // where it is niced (select_estimate_accuracy in fs/select.c), so 15 ms for 3 s.
        var descriptors = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        poll(&descriptors, 1, max(1, Int32(clamping: (left - left / 64) / 1_000_000 - 1)))
      } else if !isPrecise {
        // poll(2) counts in milliseconds; the last ones are too short to be interrupted.
        nap(left)
      } else if left > Self.slack {
        nap(left - Self.slack)
      }
    }
    return false
  }

  /// How late nanosleep(2) may be on an idle machine, in nanoseconds: 50 µs of slack (PR_SET_TIMERSLACK) and
  /// the way back to a processor.
  private static let slack: Int64 = 120_000

  private func nap(_ nanoseconds: Int64) {
    var rest = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
    nanosleep(&rest, nil)
  }

  /// Sleeps for `seconds`, or until it happens. Returns whether the time passed.
  package func sleep(seconds: Double) -> Bool {
    // A year is as good as for ever, and fits.
    sleep(until: Time.monotonic() + Int64(min(seconds, 31_536_000) * 1e9))
  }
}

/// Both ends of a pipe that no program started from here gets; `nil` where there is none to be had, and
/// `errno` says why.
package func makePipe() -> (reader: Int32, writer: Int32)? {
  var ends: [Int32] = [-1, -1]
  guard pipe(&ends) == 0 else { return nil }
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  return (ends[0], ends[1])
}
