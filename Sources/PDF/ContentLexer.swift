/// Splits a content stream into what matters for the position of its images: numbers, names and
/// operators (ISO 32000-1, 7.2 and 7.8.2).
struct ContentLexer {
  enum Token: Equatable {
    case number(Double)
    /// With its slash, and `#` resolved, as libqpdf names it.
    case name(String)
    case word([UInt8])
    /// A string, or a bracket.
    case other
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  /// The next token; `nil` at the end.
  mutating func next() -> Token? {
    while let byte = current {
      if Self.isSpace(byte) {
        position += 1
      } else if byte == UInt8(ascii: "%") {
        while let byte = current, byte != 10, byte != 13 { position += 1 }
      } else {
        return token(byte)
      }
    }
    return nil
  }

  private mutating func token(_ byte: UInt8) -> Token {
    switch byte {
    case UInt8(ascii: "("): skipString()
    case UInt8(ascii: "/"):
      position += 1
      return .name(name(regular()))
    case UInt8(ascii: "<"):
      position += 1
      // A hexadecimal string has neither bracket nor string in it; `<<` is skipped as a bracket.
      if current == byte { position += 1 } else { skip(past: UInt8(ascii: ">")) }
    case _ where Self.isDelimiter(byte): position += 1
    default:
      let word = regular()
      return Self.number(word).map(Token.number) ?? .word(Array(word))
    }
    return .other
  }

  private mutating func regular() -> Slice<UnsafeBufferPointer<UInt8>> {
    let start = position
    while let byte = current, !Self.isSpace(byte), !Self.isDelimiter(byte) { position += 1 }
    return bytes[start..<position]
  }

  private mutating func skip(past end: UInt8) {
    while let byte = current {
      position += 1
      if byte == end { return }
    }
  }

  private mutating func skipString() {
    var depth = 0
    while let byte = current {
      position += 1
      switch byte {
      case UInt8(ascii: "\\"): position += 1
      case UInt8(ascii: "("): depth += 1
      case UInt8(ascii: ")"):
        depth -= 1
        if depth == 0 { return }
      default: break
      }
    }
  }

  /// Skips the data of an inline image after `ID`. They have no length: they end at an `EI` that
  /// stands alone and is followed by what may be content, not by more data.
  mutating func skipInlineImage() -> Bool {
    var index = position + 1
    while index + 1 < bytes.count {
      if bytes[index] == UInt8(ascii: "E"), bytes[index + 1] == UInt8(ascii: "I"),
        Self.isSpace(bytes[index - 1]),
        bytes[(index + 2)...].prefix(16).allSatisfy({ (32..<127).contains($0) || Self.isSpace($0) }
        ),
        index + 2 == bytes.count || Self.isSpace(bytes[index + 2])
      {
        position = index + 2
        return true
      }
      index += 1
    }
    return false
  }

  private func name(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> String {
    var result = [UInt8(ascii: "/")]
    var index = text.startIndex
    while index < text.endIndex {
      if text[index] == UInt8(ascii: "#"), index + 2 < text.endIndex,
        let high = Self.hexadecimal(text[index + 1]), let low = Self.hexadecimal(text[index + 2])
      {
        result.append(high << 4 | low)
        index += 3
      } else {
        result.append(text[index])
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8($0) }
  }

  /// `12`, `-.5`, `+3.` (7.3.3): no exponents.
  static func number(_ text: some Collection<UInt8>) -> Double? {
    var digits = text[...]
    var sign = 1.0
    if let first = digits.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
      sign = first == UInt8(ascii: "-") ? -1 : 1
      digits = digits.dropFirst()
    }
    guard !digits.isEmpty, digits.count < 64 else { return nil }
    var (value, scale, hasDigit) = (0.0, 0.0, false)
    for byte in digits {
      switch byte {
      case UInt8(ascii: ".") where scale == 0: scale = 1
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        value = value * 10 + Double(byte - UInt8(ascii: "0"))
        scale *= 10
        hasDigit = true
      default: return nil
      }
    }
    return hasDigit ? sign * value / max(scale, 1) : nil
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 32 || byte == 10 || byte == 13 || byte == 9 || byte == 12 || byte == 0
  }

  private static func isDelimiter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"),
      UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"),
      UInt8(ascii: "/"), UInt8(ascii: "%"):
      true
    default: false
    }
  }
}
