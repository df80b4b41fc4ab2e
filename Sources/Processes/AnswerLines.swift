import Glibc

/// Splits what a worker process says into lines; trusts it with no more than 64 KiB.
public struct AnswerLines {
  private static let maximum = 1 << 16
  private var received: [UInt8] = []

  /// Nothing yet.
  public init() {}

  /// The next whole line.
  public mutating func next() -> [UInt8]? {
    guard let end = received.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    defer { received.removeSubrange(...end) }
    return Array(received[..<end])
  }

  /// Takes what is there. False at its end, and where a line is too long.
  public mutating func read(from descriptor: Int32) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes {
      Glibc.read(descriptor, $0.baseAddress, $0.count)
    }
    if count < 0, errno == EINTR { return true }
    guard count > 0, received.count + count <= Self.maximum else { return false }
    received += buffer[..<count]
    return true
  }
}
