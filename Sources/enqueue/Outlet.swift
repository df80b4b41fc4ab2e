import Common
import Glibc

/// The end of the belt that we hold: standard output.
enum Outlet {
  /// Waits until a line of usual length can be written at once. False when a stop came first: a
  /// write(2) into a full pipe could not be woken.
  static func waitUntilWritable(_ stop: Stop) -> Bool {
    var descriptors = [
      pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0),
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    while !stop.isRequested {
      poll(&descriptors, 2, -1)
      if descriptors[0].revents != 0 { return !stop.isRequested }
    }
    return false
  }

  /// Whether whoever reads is gone. A pipe says so without being written to (poll(2): POLLERR).
  static var isClosed: Bool {
    var descriptors = [pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)]
    poll(&descriptors, 1, 0)
    return Int32(descriptors[0].revents) & (POLLERR | POLLHUP | POLLNVAL) != 0
  }

  /// Ends the output, so that the tools downstream come to their end. The descriptor stays taken: a
  /// file opened later must not become standard output.
  static func close() {
    let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
    guard nowhere >= 0 else { return }
    dup2(nowhere, STDOUT_FILENO)
    Glibc.close(nowhere)
  }
}
