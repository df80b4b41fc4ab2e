/// What Redis answers (RESP, version 2: redis.io/docs/reference/protocol-spec). That is what every server speaks
/// to who says no HELLO, and nothing of version 3 is needed here.
package enum RedisReply: Sendable, Equatable {
  /// `+OK`, or a text of any bytes.
  case text([UInt8])
  case integer(Int)
  case list([RedisReply])
  case null
  /// `-NOAUTH Authentication required.`
  case error(String)

  /// The text as UTF-8; an integer as its digits; `nil` for anything else.
  package var string: String? {
    switch self {
    case .text(let bytes): String(decoding: bytes, as: UTF8.self)
    case .integer(let number): String(number)
    default: nil
    }
  }

  /// The bytes of a text.
  package var bytes: [UInt8]? {
    guard case .text(let bytes) = self else { return nil }
    return bytes
  }

  /// An integer, also one that is written as a text.
  package var int: Int? {
    switch self {
    case .integer(let number): number
    case .text: string.flatMap { Int($0) }
    default: nil
    }
  }

  /// The elements of a list; empty for anything else.
  package var list: [RedisReply] {
    guard case .list(let elements) = self else { return [] }
    return elements
  }
}

/// Makes replies of bytes, in whatever chunks they come, with bounded memory. Pure.
package struct ReplyReader {
  /// The longest text, in bytes: a record has a megabyte at most, and INFO some kilobytes.
  static let longestText = 8 << 20
  /// The most elements of one list.
  static let mostElements = 1 << 20
  /// The deepest list in a list.
  static let deepest = 8
  /// The longest first line of a reply, in bytes: an error's text, or a number.
  static let longestLine = 64 << 10
  /// All that one reply may have, in bytes.
  static let longestReply = 256 << 20

  /// Bytes that are no reply.
  package struct Malformed: Error, Equatable, CustomStringConvertible {
    package let description: String
  }

  private var buffer: [UInt8] = []
  private var start = 0
  /// With fewer bytes than these the next reply cannot be whole.
  private var needed = 1

  package init() {}

  /// Lets `receive` append what has come.
  package mutating func fill<Failure: Error>(
    _ receive: (inout [UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    if start > 0 {
      buffer.removeSubrange(..<start)
      start = 0
    }
    try receive(&buffer)
  }

  /// The next whole reply; `nil` where more has to come first.
  package mutating func next() throws(Malformed) -> RedisReply? {
    guard buffer.count - start >= needed else { return nil }
    var cursor = Cursor(buffer: buffer[start...], at: start)
    guard let reply = try cursor.reply(depth: 0) else {
      needed = max(buffer.count + 1, cursor.needed) - start
      guard needed <= Self.longestReply else { throw Malformed(description: "a reply is too long") }
      return nil
    }
    start = cursor.at
    needed = 1
    return reply
  }

  private struct Cursor {
    let buffer: ArraySlice<UInt8>
    var at: Int
    /// Where the buffer has to end at least for what is missing.
    var needed = 0

    mutating func reply(depth: Int) throws(Malformed) -> RedisReply? {
      guard let line = try line() else { return nil }
      let rest = line.dropFirst()
      switch line.first {
      case UInt8(ascii: "+"): return .text(Array(rest))
      case UInt8(ascii: "-"): return .error(String(decoding: rest, as: UTF8.self))
      case UInt8(ascii: ":"): return .integer(try number(rest, Int.min...Int.max))
      case UInt8(ascii: "$"):
        let count = try number(rest, -1...ReplyReader.longestText)
        return count < 0 ? .null : try text(count)
      case UInt8(ascii: "*"):
        let count = try number(rest, -1...ReplyReader.mostElements)
        return count < 0 ? .null : try list(count, depth)
      default: throw Malformed(description: "a reply begins with a byte that begins none")
      }
    }

    private mutating func list(_ count: Int, _ depth: Int) throws(Malformed) -> RedisReply? {
      guard depth < ReplyReader.deepest else { throw Malformed(description: "lists are too deep") }
      var elements: [RedisReply] = []
      for _ in 0..<count {
        guard let element = try reply(depth: depth + 1) else { return nil }
        elements.append(element)
      }
      return .list(elements)
    }

    private mutating func text(_ count: Int) throws(Malformed) -> RedisReply? {
      needed = at + count + 2
      guard buffer.endIndex >= needed else { return nil }
      let text = buffer[at..<at + count]
      guard buffer[at + count] == 0x0D, buffer[at + count + 1] == 0x0A else {
        throw Malformed(description: "a text does not end where it should")
      }
      at += count + 2
      return .text(Array(text))
    }

    private mutating func line() throws(Malformed) -> ArraySlice<UInt8>? {
      let end = buffer[at...].prefix(ReplyReader.longestLine).firstIndex(of: 0x0D)
      guard let end, end + 1 < buffer.endIndex else {
        guard end != nil || buffer.endIndex - at < ReplyReader.longestLine else {
          throw Malformed(description: "a line is too long")
        }
        return nil
      }
      guard buffer[end + 1] == 0x0A else {
        throw Malformed(description: "a line ends in the middle")
      }
      defer { at = end + 2 }
      return buffer[at..<end]
    }

    private func number(
      _ text: ArraySlice<UInt8>, _ allowed: ClosedRange<Int>
    ) throws(Malformed) -> Int {
      guard let number = Int(String(decoding: text, as: UTF8.self)), allowed.contains(number) else {
        throw Malformed(description: "a number is none, or is not possible here")
      }
      return number
    }
  }
}
