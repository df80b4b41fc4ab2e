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
  /// What was read of the next line, and is not in the buffer any more.
  private var collected: [UInt8] = []
  private var isTooLong = false
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

  /// Whether ``next()`` can answer from what was read already.
  package var hasBufferedLine: Bool { endOfLine != nil }

  /// Whether ``next()`` can answer without waiting for more input; reads what there is.
  package mutating func isReady() throws(Fatal) -> Bool {
    while !hasBufferedLine, !atEnd {
      var descriptors = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
      guard poll(&descriptors, 1, 0) > 0 else { return false }
      collect(upTo: filled.upperBound)
      _ = try fill()
    }
    return true
  }

  /// The next line, or `nil` at the end of the input. Throws where reading fails.
  package mutating func next() throws(Fatal) -> Line? {
    while true {
      let end = endOfLine
      collect(upTo: end ?? filled.upperBound)
      if end != nil { filled = filled.lowerBound + 1..<filled.upperBound }
      if end == nil, try fill() { continue }
      if end == nil, collected.isEmpty { return nil }
      defer { (collected, isTooLong) = ([], false) }
      if isFirst { collected = Array(ByteOrderMark.dropped(from: collected[...])) }
      isFirst = false
      if isTooLong { return .tooLong(prefix: collected) }
      if collected.last == UInt8(ascii: "\r") { collected.removeLast() }
      return .line(collected)
    }
  }

  /// Where the buffer has the next end of a line.
  private var endOfLine: Int? {
    buffer.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress, !filled.isEmpty,
        let end = memchr(start + filled.lowerBound, Int32(UInt8(ascii: "\n")), filled.count)
      else { return nil }
      return UnsafeRawPointer(end) - start
    }
  }

  /// Moves bytes from the buffer to the line that they belong to.
  private mutating func collect(upTo end: Int) {
    if !isTooLong { collected += buffer[filled.lowerBound..<end] }
    filled = end..<filled.upperBound
    if collected.count > Self.maximumLine {
      isTooLong = true
      collected.removeSubrange(1024...)
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
