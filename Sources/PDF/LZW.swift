/// The filter `LZWDecode` (ISO 32000-1, 7.4.4), with a limit.
package enum LZW {
  private static let clear = 256
  private static let end = 257

  /// The content of `bytes`; `nil` where they are damaged or hold more than `limit`. With `isEarly`, codes
  /// become longer one code before they have to. Data that end without saying so, as many do, are whole.
  package static func decode(_ bytes: [UInt8], isEarly: Bool, limit: Int) -> [UInt8]? {
    var table = Table()
    var result: [UInt8] = []
    var reader = Codes(bytes: bytes)
    var (width, last) = (9, -1)
    while let code = reader.next(width) {
      if code == end { break }
      if code == clear {
        table.clear()
        (width, last) = (9, -1)
        continue
      }
      // A code that the table is about to get stands for the last text and its first byte.
      guard table.append(code, after: last, to: &result), result.count <= limit else { return nil }
      last = code
      // With codes of 12 bits the table is full, and stays as it is until it is cleared.
      width = min(12, table.width(isEarly: isEarly))
    }
    return result
  }

  /// Codes of 9 to 12 bits, the highest bit first.
  private struct Codes {
    let bytes: [UInt8]
    private var (index, bits, count) = (0, 0, 0)

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func next(_ width: Int) -> Int? {
      while count < width {
        guard index < bytes.count else { return nil }
        bits = (bits << 8 | Int(bytes[index])) & 0xFFFFFF
        index += 1
        count += 8
      }
      count -= width
      return bits >> count & (1 << width - 1)
    }
  }

  /// Texts by their codes. Each is one that came before, and where in the result it lies.
  private struct Table {
    private var starts = [Int](repeating: 0, count: 4096)
    private var lengths = [Int](repeating: 0, count: 4096)
    private var next = 258

    mutating func clear() { next = 258 }

    func width(isEarly: Bool) -> Int {
      switch next + (isEarly ? 1 : 0) {
      case ..<512: 9
      case ..<1024: 10
      case ..<2048: 11
      default: 12
      }
    }

    /// Adds the text of `code`, and gives the next code to the text of `last` with the first byte of this one.
    mutating func append(_ code: Int, after last: Int, to result: inout [UInt8]) -> Bool {
      let place = result.count
      let previous = last < 0 ? 0 : last < 256 ? 1 : lengths[last]
      if code < 256 {
        result.append(UInt8(code))
      } else {
        // What is not there yet may only be the code that comes next.
        guard last >= 0, code < next || code == next && next < 4096 else { return false }
        let (start, length) =
          code < next ? (starts[code], lengths[code]) : (place - previous, previous + 1)
        for index in start..<(start + length) { result.append(result[index]) }
      }
      if last >= 0, next < 4096 {
        (starts[next], lengths[next]) = (place - previous, previous + 1)
        next += 1
      }
      return true
    }
  }
}

/// The filter `RunLengthDecode` (7.4.5), with a limit.
enum RunLength {
  static func decode(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count, bytes[index] != 128 {
      let length = Int(bytes[index])
      if length < 128 {
        guard index + length + 1 < bytes.count else { return nil }
        result += bytes[(index + 1)...(index + length + 1)]
        index += length + 2
      } else {
        guard index + 1 < bytes.count else { return nil }
        result += repeatElement(bytes[index + 1], count: 257 - length)
        index += 2
      }
      guard result.count <= limit else { return nil }
    }
    return result
  }
}

/// The filters `ASCIIHexDecode` and `ASCII85Decode` (7.4.2, 7.4.3), with a limit.
enum ASCIIFilters {
  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0 || byte == 32 || 9...13 ~= byte }

  static func decodeHex(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
    var result: [UInt8] = []
    var high: UInt8?
    for byte in bytes where !isSpace(byte) {
      if byte == UInt8(ascii: ">") { break }
      guard let digit = Character(UnicodeScalar(byte)).hexDigitValue, result.count < limit else {
        return nil
      }
      if let first = high {
        result.append(first << 4 | UInt8(digit))
        high = nil
      } else {
        high = UInt8(digit)
      }
    }
    return high.map { result + [$0 << 4] } ?? result
  }

  static func decode85(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
    var result: [UInt8] = []
    var (value, count) = (0, 0)
    // Some writers begin as PostScript does.
    for byte in bytes.starts(with: "<~".utf8) ? bytes[2...] : bytes[...] where !isSpace(byte) {
      guard result.count <= limit else { return nil }
      switch byte {
      case UInt8(ascii: "z") where count == 0: result += [0, 0, 0, 0]
      case UInt8(ascii: "!")...UInt8(ascii: "u"):
        value = value * 85 + Int(byte - UInt8(ascii: "!"))
        count += 1
        guard count == 5 else { continue }
        guard value <= UInt32.max else { return nil }
        result += (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
        (value, count) = (0, 0)
      case UInt8(ascii: "~"):
        return last(value, count).map { result + $0 }
      default: return nil
      }
    }
    return last(value, count).map { result + $0 }
  }

  /// A last group of two to four digits stands for one byte less.
  private static func last(_ value: Int, _ count: Int) -> [UInt8]? {
    guard count > 0 else { return [] }
    guard count > 1 else { return nil }
    var value = value
    for _ in count..<5 { value = value * 85 + 84 }
    guard value <= UInt32.max else { return nil }
    return (0..<(count - 1)).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }
}
