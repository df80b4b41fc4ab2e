import Glibc
import Synchronization

/// The one owner of an output: whole lines only, each in the kernel's hands before `write` returns.
public final class LineWriter: Sendable {
  private let descriptor: Mutex<Int32>
  private let stop: Stop
  private let watch: ReaderWatch

  /// Writes to `descriptor`, which stays the caller's. A reader that went away requests `stop`
  /// with `.downstreamClosed`, at once and not only at the next line; any other failure requests it
  /// with `.failed`.
  public init(descriptor: Int32, stop: Stop) {
    self.descriptor = Mutex(descriptor)
    self.stop = stop
    watch = ReaderWatch(descriptor, stop)
  }

  /// Writes lines (each without its line end), those of one call next to each other. False when
  /// they could not be written; why is with the stop.
  @discardableResult
  public func write(_ lines: [[UInt8]]) -> Bool {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(lines.reduce(0) { $0 + $1.count + 1 })
    for line in lines {
      bytes += line
      bytes.append(UInt8(ascii: "\n"))
    }
    let failure = descriptor.withLock { writeAll(bytes, to: $0) }
    switch failure {
    case 0: return true
    case EPIPE: stop.request(.downstreamClosed)
    default:
      let reason = String(cString: strerror(failure))
      stop.request(.failed(Fatal(.inputOutput, "cannot write the output: \(reason)")))
    }
    return false
  }
}

extension LineWriter {
  /// Ends the output, so that whoever reads it comes to its end. The descriptor stays taken: a file
  /// opened later must not become the output.
  public func close() {
    descriptor.withLock { descriptor in
      watch.finish()
      let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
      guard nowhere >= 0 else { return }
      dup2(nowhere, descriptor)
      Glibc.close(nowhere)
    }
  }
}

/// Writes all bytes, over short writes and signals. Returns 0, or the `errno` of the failure.
public func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
  bytes.withUnsafeBytes { all in
    var rest = all[...]
    while !rest.isEmpty {
      let written = Glibc.write(
        descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written >= 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }
}
