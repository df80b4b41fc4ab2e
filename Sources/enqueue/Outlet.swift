import Common
import Glibc

/// The end of the pipeline that we hold: standard output.
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

  /// Lets the pipe hold no more than `bytes`: what waits in it cannot be given back at a stop, and is lost
  /// with its lease where a tool is killed. Linux rounds up to a page and has 64 KiB by itself
  /// (fcntl(2), F_SETPIPE_SZ); where standard output is no pipe, nothing happens.
  static func limitPipe(to bytes: Int32) {
    // F_SETPIPE_SZ is a macro that Swift does not import.
    _ = fcntl(STDOUT_FILENO, 1031, bytes)
  }
}
