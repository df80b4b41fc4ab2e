import Files
import Glibc
import Synchronization

/// Something that happens once, and for which threads of this process wait in poll(2).
///
/// It is a pipe whose only writer is closed: unlike a byte written, that cannot fail, and nobody waits for
/// ever because a byte got lost. No program started from here gets the pipe.
final class Latch: Sendable {
  /// Readable (POLLHUP) as soon as it has happened. Left open here, because a thread may still wait for
  /// it: whoever knows that none does may close it.
  let descriptor: Int32
  private let writer: Int32
  private let isDue = Atomic<Bool>(true)

  /// Where there is no pipe to be had, nobody could be woken, and the run would never end: it ends here,
  /// with a line and 74, and the next one takes back what this one had.
  init() {
    guard let ends = makePipe() else {
      let reason = String(cString: strerror(errno))
      _ = writeAll(Array("cannot make a pipe: \(reason)\n".utf8), to: STDERR_FILENO)
      _exit(ToolExit.inputOutput.rawValue)
    }
    (descriptor, writer) = ends
  }

  /// Lets it happen; again, it does nothing.
  func happen() {
    if isDue.exchange(false, ordering: .acquiringAndReleasing) { close(writer) }
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
