import Files
import Glibc

/// Splits what a file descriptor delivers into lines, in whatever chunks it comes, with bounded
/// memory. The last line may lack its line end; a carriage return before it belongs to the end.
package struct LineReader {
  /// Longest line that is read, in bytes (docs/architecture.md, "The record").
  package static let maximumLine = 1 << 20

  package enum Line: Equatable, Sendable {
    case line([UInt8])
    /// A line longer than ``maximumLine``; its first bytes. The rest was read and dropped.
    case tooLong(prefix: [UInt8])
  }

  private let descriptor: Int32
  private let stop: ShutdownSignal?
  /// After a stop was requested, upstream gets this long to finish its part, in seconds.
  private let grace: Double
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  private var filled = 0..<0
  private var atEnd = false
  private var isFirst = true

  /// Reads from `descriptor`, which stays the caller's. When `stop` is requested, reading goes on
  /// for `grace` seconds at most, because whoever writes is stopping too; from a terminal it ends
  /// at once.
  package init(descriptor: Int32, stop: ShutdownSignal? = nil, grace: Double = 5) {
    self.descriptor = descriptor
    self.stop = stop
    self.grace = isatty(descriptor) == 1 ? 0 : grace
  }

  /// Whether ``next()`` can answer without waiting for more input.
  package var hasBufferedLine: Bool {
    buffer[filled].contains(UInt8(ascii: "\n"))
  }

  /// The next line, or `nil` at the end of the input. Throws where reading fails.
  package mutating func next() throws(Fatal) -> Line? {
    var collected: [UInt8] = []
    var isTooLong = false
    while true {
      let end = buffer[filled].firstIndex(of: UInt8(ascii: "\n"))
      let chunk = filled.lowerBound..<(end ?? filled.upperBound)
      if !isTooLong { collected += buffer[chunk] }
      filled = (end.map { $0 + 1 } ?? filled.upperBound)..<filled.upperBound
      if collected.count > Self.maximumLine {
        isTooLong = true
        collected.removeSubrange(1024...)
      }
      if end == nil, try fill() { continue }
      if end == nil, collected.isEmpty { return nil }
      if isFirst { collected = Array(ByteOrderMark.dropped(from: collected[...])) }
      isFirst = false
      if isTooLong { return .tooLong(prefix: collected) }
      if collected.last == UInt8(ascii: "\r") { collected.removeLast() }
      return .line(collected)
    }
  }

  /// Waits for more input. False at its end.
  private mutating func fill() throws(Fatal) -> Bool {
    while !atEnd {
      guard waitForInput() else { break }
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        filled = 0..<count
        return true
      }
      if count == 0 { break }
      if errno == EINTR || errno == EAGAIN { continue }
      throw Fatal(.inputOutput, "cannot read the input: \(String(cString: strerror(errno)))")
    }
    atEnd = true
    return false
  }

  /// False when a stop was requested and upstream did not come to its end in time.
  private func waitForInput() -> Bool {
    guard let stop else { return true }
    while true {
      let isStopping = stop.isRequested
      let left = isStopping ? grace - stop.age : -1
      if isStopping, left <= 0 { return false }
      var descriptors = [
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      let ready = poll(
        &descriptors, isStopping ? 1 : 2, isStopping ? Int32((left * 1000).rounded(.up)) : -1)
      if ready > 0, descriptors[0].revents != 0 { return true }
    }
  }
}
