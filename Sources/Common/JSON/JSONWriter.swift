extension JSON: CustomStringConvertible {
  /// The value on one line, without blanks between its parts.
  package var description: String { String(decoding: serialized(), as: UTF8.self) }

  /// The value as bytes of UTF-8 on one line, without a line end.
  package func serialized() -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(512)
    write(to: &out)
    return out
  }

  func write(to out: inout [UInt8]) {
    switch self {
    case .null: out.append(contentsOf: "null".utf8)
    case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
    case .number(let value): out.append(contentsOf: value.literal.utf8)
    case .string(let value): JSON.write(value, to: &out)
    case .array(let elements):
      out.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        element.write(to: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let object): object.write(to: &out)
    }
  }

  private static let hex = Array("0123456789abcdef".utf8)

  static func write(_ text: String, to out: inout [UInt8]) {
    var text = text
    out.append(UInt8(ascii: "\""))
    text.withUTF8 { bytes in
      // Stretches that need no escape, nearly always all of it, are copied as a whole.
      guard let start = firstEscape(bytes) else {
        out.append(contentsOf: bytes)
        return
      }
      out.append(contentsOf: bytes[..<start])
      let bytes = UnsafeBufferPointer(rebasing: bytes[start...])
      var done = 0
      for (index, byte) in bytes.enumerated() where needsEscape(byte) {
        out.append(contentsOf: bytes[done..<index])
        writeEscaped(byte, to: &out)
        done = index + 1
      }
      out.append(contentsOf: bytes[done...])
    }
    out.append(UInt8(ascii: "\""))
  }

  /// Where the first byte is that needs an escape. Eight are looked at at a time: a byte of a word is zero where
  /// subtracting one from each sets its highest bit, and that was not set before.
  private static func firstEscape(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let raw = UnsafeRawBufferPointer(bytes)
    let ones: UInt64 = 0x0101_0101_0101_0101
    var place = 0
    while place + 8 <= raw.count {
      let word = raw.loadUnaligned(fromByteOffset: place, as: UInt64.self)
      let quote = word ^ ones &* UInt64(UInt8(ascii: "\""))
      let backslash = word ^ ones &* UInt64(UInt8(ascii: "\\"))
      let delete = word ^ ones &* 0x7F
      let found =
        (word &- ones &* 0x20) & ~word | (quote &- ones) & ~quote | (backslash &- ones) & ~backslash
        | (delete &- ones) & ~delete
      if found & ones &* 0x80 != 0 { break }
      place += 8
    }
    while place < bytes.count {
      if needsEscape(bytes[place]) { return place }
      place += 1
    }
    return nil
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F
  }

  private static func writeEscaped(_ byte: UInt8, to out: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
    case 0x0A: out.append(contentsOf: #"\n"#.utf8)
    case 0x0D: out.append(contentsOf: #"\r"#.utf8)
    case 0x09: out.append(contentsOf: #"\t"#.utf8)
    default:
      out.append(contentsOf: #"\u00"#.utf8)
      out.append(hex[Int(byte >> 4)])
      out.append(hex[Int(byte & 15)])
    }
  }
}

extension JSONObject {
  func write(to out: inout [UInt8]) {
    out.append(UInt8(ascii: "{"))
    for (index, member) in members.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      JSON.write(member.name, to: &out)
      out.append(UInt8(ascii: ":"))
      member.value.write(to: &out)
    }
    out.append(UInt8(ascii: "}"))
  }
}
