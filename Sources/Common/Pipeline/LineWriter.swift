import Files
import Glibc

/// The one owner of an output: whole lines only, in the kernel's hands when `write` returns, or in those
/// of another thread that is just writing and takes them along.
///
/// With one write(2) for each line, threads that are quick wait for each other here.
package final class LineWriter: Sendable {
  /// So many bytes may wait for the thread that is writing, before others wait with them: a reader that
  /// is slow has to slow down everybody.
  private static let mostWaiting = 1 << 14

  private struct Waiting {
    var bytes: [UInt8] = []
    /// Whether a thread will look here again before it stops writing.
    var isBeingWritten = false
  }

  private let waiting = Lock(Waiting())
  private let descriptor: Lock<Int32>
  private let stop: ShutdownSignal
  private let watch: ReaderWatch

  /// Writes to `descriptor`, which stays the caller's. A reader that went away requests `stop`
  /// with `.downstreamClosed`, at once and not only at the next line; any other failure requests it
  /// with `.failed`.
  package init(descriptor: Int32, stop: ShutdownSignal) {
    self.descriptor = Lock(descriptor)
    self.stop = stop
    watch = ReaderWatch(descriptor, stop)
  }

  /// Writes lines (each without its line end), those of one call next to each other. False when
  /// they could not be written; why is with the stop. Where others follow at once (`moreFollow`), those take
  /// them along.
  @discardableResult
  package func write(_ lines: [[UInt8]], moreFollow: Bool = false) -> Bool {
    let isTakenAlong = waiting.withLock { waiting in
      for line in lines {
        waiting.bytes += line
        waiting.bytes.append(UInt8(ascii: "\n"))
      }
      if waiting.isBeingWritten || moreFollow, waiting.bytes.count < Self.mostWaiting {
        return true
      }
      waiting.isBeingWritten = true
      return false
    }
    if isTakenAlong { return true }
    switch descriptor.withLock({ writeWaiting(to: $0) }) {
    case 0: return true
    case EPIPE: stop.request(.downstreamClosed)
    case let failure:
      let reason = String(cString: strerror(failure))
      stop.request(.failed(Fatal(.inputOutput, "cannot write the output: \(reason)")))
    }
    return false
  }

  /// Writes until nothing waits any more. Returns 0, or the `errno` of the failure.
  private func writeWaiting(to descriptor: Int32) -> Int32 {
    var failure: Int32 = 0
    while true {
      let bytes = waiting.withLock { waiting in
        defer { waiting.bytes = [] }
        waiting.isBeingWritten = !waiting.bytes.isEmpty
        return waiting.bytes
      }
      if bytes.isEmpty { return failure }
      // What waited for a write that failed cannot be written either, and is not kept.
      if failure == 0 { failure = writeAll(bytes, to: descriptor) }
    }
  }
}

extension LineWriter {
  /// Ends the output, so that whoever reads it comes to its end. The descriptor stays taken: a file
  /// opened later must not become the output.
  package func close() {
    descriptor.withLock { descriptor in
      watch.finish()
      let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
      guard nowhere >= 0 else { return }
      dup2(nowhere, descriptor)
      Glibc.close(nowhere)
    }
  }
}

/// Notices that the reader of our output is gone while we have nothing to write: a tool that waits for
/// its input, or for its documents to come back, would otherwise wait for ever beside a dead one.
final class ReaderWatch: Sendable {
  private let over = Latch()

  /// Requests `stop` with `.downstreamClosed` once the pipe or socket `descriptor` has no reader.
  init(_ descriptor: Int32, _ stop: ShutdownSignal) {
    let isStarted = startThread { [over] in
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
