import Glibc
import Synchronization

/// The one owner of an output: whole lines only, each in the kernel's hands before `write` returns.
public final class LineWriter: Sendable {
  private let descriptor: Mutex<Int32>
  private let stop: Stop

  /// Writes to `descriptor`, which stays the caller's. A reader that went away requests `stop`
  /// with `.downstreamClosed`, any other failure with `.failed`.
  public init(descriptor: Int32, stop: Stop) {
    self.descriptor = Mutex(descriptor)
    self.stop = stop
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
