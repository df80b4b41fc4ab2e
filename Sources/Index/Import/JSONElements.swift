import Common

/// The elements of a JSON array, as pandas and most programs export rows, one by one and with bounded
/// memory. What is wrong with one costs it alone, as long as its braces and quotes are in order.
struct JSONElements {
  enum Element: Equatable {
    /// The bytes of an element that starts on `line`, counted from 1.
    case value([UInt8], line: Int)
    case refused(line: Int, reason: String)
  }

  /// Longest element, in bytes.
  private static let maximum = 1 << 20

  private var text: ImportText
  private var buffer: ArraySlice<UInt8> = []
  private var line = 1
  private var isInside = false
  private var isDone = false

  init(_ text: ImportText) { self.text = text }

  /// Whether a file begins as an array of objects does; `[Book],[Page]` is a header.
  static func isArray(_ beginning: [UInt8]) -> Bool {
    guard beginning.first == UInt8(ascii: "[") else { return false }
    let next = beginning.dropFirst().first { $0 > 0x20 }
    return next == nil || next == UInt8(ascii: "{") || next == UInt8(ascii: "]")
  }

  /// The next element, or `nil` at the end. Throws where reading fails.
  mutating func next() throws(Fatal) -> Element? {
    while let byte = try peek() {
      switch byte {
      case UInt8(ascii: "[") where !isInside: isInside = true
      case UInt8(ascii: "]") where isInside && !isDone: isDone = true
      case UInt8(ascii: ","), 0...0x20: break
      default:
        guard !isDone else {
          _ = try element()
          return .refused(line: line, reason: "text after the end of the array")
        }
        return try element()
      }
      advance()
    }
    guard isDone else {
      isDone = true
      return .refused(line: line, reason: "unterminated array: the file is cut off")
    }
    return nil
  }

  /// Takes bytes up to the comma or bracket that ends the element.
  private mutating func element() throws(Fatal) -> Element {
    let first = line
    var bytes: [UInt8] = []
    var depth = 0
    var isText = false
    var isEscaped = false
    var isTooLong = false
    while let byte = try peek() {
      if isText {
        if isEscaped {
          isEscaped = false
        } else if byte == 0x5C {
          isEscaped = true
        } else if byte == 0x22 {
          isText = false
        }
      } else {
        switch byte {
        case 0x22: isText = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        default: break
        }
        // The array's own end; any other that nothing begins with is a part of the element, which would
        // never end before it.
        if depth < 0, byte == UInt8(ascii: "]"), !isDone { break }
        depth = max(depth, 0)
        if depth == 0, byte == UInt8(ascii: ",") { break }
      }
      if bytes.count < Self.maximum { bytes.append(byte) } else { isTooLong = true }
      advance()
    }
    if isTooLong {
      return .refused(line: first, reason: "longer than \(Format.bytes(Self.maximum))")
    }
    return .value(bytes, line: first)
  }

  private mutating func peek() throws(Fatal) -> UInt8? {
    while buffer.isEmpty {
      guard let more = try text.next() else { return nil }
      buffer = more[...]
    }
    return buffer.first
  }

  private mutating func advance() {
    if buffer.first == 0x0A { line += 1 }
    buffer = buffer.dropFirst()
  }
}
