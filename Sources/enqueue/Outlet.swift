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
}
