import Glibc

/// Notices that whoever reads our output is gone while we have nothing to write: a stage that waits for
/// its input, or for its documents to come back, would otherwise wait for ever beside a dead one.
final class ReaderWatch: Sendable {
  private let over = Wake()

  /// Requests `stop` with `.downstreamClosed` once the pipe or socket `descriptor` has no reader.
  init(_ descriptor: Int32, _ stop: Stop) {
    let isStarted = startThread { [over] in
      defer { close(over.descriptor) }
      while true {
        // Without events of interest, poll(2) still tells of POLLERR: the last reader has closed it.
        var descriptors = [
          pollfd(fd: descriptor, events: 0, revents: 0),
          pollfd(fd: over.descriptor, events: Int16(POLLIN), revents: 0),
          pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&descriptors, 3, -1) > 0 else { continue }
        if descriptors[0].revents & Int16(POLLERR) != 0 { stop.request(.downstreamClosed) }
        return
      }
    }
    if !isStarted { stop.request(.failed(.noThread)) }
  }

  /// Lets go of the descriptor: as long as poll(2) waits, what it names is not closed.
  func finish() { over.happen() }

  deinit { over.happen() }
}
