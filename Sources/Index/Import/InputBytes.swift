import Common
import Glibc

/// Bytes from a file descriptor, a buffer at a time. A requested stop ends the input, and so does the end
/// of the reader of the output.
struct InputBytes {
  private let descriptor: Int32
  private let stop: ShutdownSignal?
  /// A pipe without a reader ends the input; -1 for none, which poll(2) passes over.
  private let sink: Int32
  private(set) var buffer = [UInt8](repeating: 0, count: 1 << 16)
  /// What of the buffer is still to be read.
  var rest = 0..<0
  /// Whether the output still has a reader, as far as is known.
  private(set) var isWanted = true

  init(descriptor: Int32, stop: ShutdownSignal? = nil, sink: Int32 = -1) {
    self.descriptor = descriptor
    self.stop = stop
    self.sink = sink
  }

  /// Reads more behind what is still to be read (which must be less than the buffer). False at the
  /// end of the input.
  mutating func fill() throws(Fatal) -> Bool {
    let kept = Array(buffer[rest])
    for (index, byte) in kept.enumerated() { buffer[index] = byte }
    rest = 0..<kept.count
    while waitForInput() {
      let count = buffer.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress?.advanced(by: kept.count), $0.count - kept.count)
      }
      if count > 0 {
        rest = 0..<kept.count + count
        return true
      }
      if count == 0 { return false }
      if errno == EINTR || errno == EAGAIN { continue }
      throw Fatal(.inputOutput, "cannot read the input: \(String(cString: strerror(errno)))")
    }
    return false
  }

  private mutating func waitForInput() -> Bool {
    var descriptors = [
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: stop?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: sink, events: 0, revents: 0),
    ]
    poll(&descriptors, 3, -1)
    isWanted = descriptors[2].revents == 0
    return isWanted && stop?.isRequested != true
  }
}
