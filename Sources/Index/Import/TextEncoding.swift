import Files
import Common

/// How the bytes of a file to import stand for characters.
package enum TextEncoding: String, Sendable, CaseIterable {
  case utf8 = "UTF-8"
  case utf16LittleEndian = "UTF-16LE"
  case utf16BigEndian = "UTF-16BE"
  /// What American and Western European Windows calls ANSI; ISO 8859-1 where that has letters.
  case windows1252 = "Windows-1252"

  /// A name as people write it: `utf8`, `UTF-16`, `cp1252`, `latin-1`.
  package init?(name: String) {
    switch name.lowercased().filter({ $0.isLetter || $0.isNumber }) {
    case "utf8", "utf8sig": self = .utf8
    case "utf16", "utf16le", "ucs2", "unicode": self = .utf16LittleEndian
    case "utf16be": self = .utf16BigEndian
    case "windows1252", "cp1252", "1252", "ansi", "latin1", "iso88591": self = .windows1252
    default: return nil
    }
  }

  /// What the beginning of a file shows: the encoding, where there is a byte order mark or where every
  /// other byte is NUL, as in English text in UTF-16; and how long the mark is. Throws for UTF-32.
  static func sniff(_ sample: ArraySlice<UInt8>) throws(Fatal) -> (TextEncoding?, mark: Int) {
    if sample.starts(with: [0xFF, 0xFE, 0, 0]) || sample.starts(with: [0, 0, 0xFE, 0xFF]) {
      throw Fatal(
        .configuration,
        "the file to import is in UTF-32, which is not supported. Save it as UTF-8.")
    }
    if sample.starts(with: ByteOrderMark.utf8) { return (.utf8, ByteOrderMark.utf8.count) }
    if sample.starts(with: [0xFF, 0xFE]) { return (.utf16LittleEndian, 2) }
    if sample.starts(with: [0xFE, 0xFF]) { return (.utf16BigEndian, 2) }
    var zeros = [0, 0]
    for (place, byte) in sample.prefix(2000).enumerated() where byte == 0 { zeros[place % 2] += 1 }
    let many = min(sample.count, 2000) / 4
    if zeros[1] > many, zeros[0] * 8 < zeros[1] { return (.utf16LittleEndian, 0) }
    if zeros[0] > many, zeros[1] * 8 < zeros[0] { return (.utf16BigEndian, 0) }
    return (nil, 0)
  }

  /// Code points of the bytes from 0x80 to 0x9F (https://encoding.spec.whatwg.org/#windows-1252).
  private static let upper: [UInt16] = [
    0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039,
    0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
  ]

  /// Bytes of Windows-1252 as UTF-8.
  static func fromWindows(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count + bytes.count / 8)
    for byte in bytes {
      guard byte >= 0x80 else {
        text.append(byte)
        continue
      }
      let point = byte < 0xA0 ? upper[Int(byte) - 0x80] : UInt16(byte)
      if let scalar = Unicode.Scalar(point) { text += Array(String(Character(scalar)).utf8) }
    }
    return text
  }
}

/// Pairs of bytes that become UTF-8, however they come in chunks.
struct UTF16Decoder {
  private let isBigEndian: Bool
  private var half: UInt8?
  private var high: UInt16?

  init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

  /// What a chunk of the file stands for. Half a surrogate pair is U+FFFD.
  mutating func decode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    for byte in bytes {
      guard let first = half else {
        half = byte
        continue
      }
      half = nil
      let unit = isBigEndian ? UInt16(first) << 8 | UInt16(byte) : UInt16(byte) << 8 | UInt16(first)
      take(unit, &text)
    }
    return text
  }

  private mutating func take(_ unit: UInt16, _ text: inout [UInt8]) {
    if unit < 0x80, high == nil {
      text.append(UInt8(unit))
      return
    }
    if let high, UTF16.isTrailSurrogate(unit) {
      let point = 0x10000 + (UInt32(high) - 0xD800) << 10 + (UInt32(unit) - 0xDC00)
      append(Unicode.Scalar(point), &text)
      self.high = nil
      return
    }
    if high != nil { append(nil, &text) }
    high = UTF16.isLeadSurrogate(unit) ? unit : nil
    if high == nil { append(Unicode.Scalar(unit), &text) }
  }

  private func append(_ scalar: Unicode.Scalar?, _ text: inout [UInt8]) {
    text += Array(String(Character(scalar ?? "\u{FFFD}")).utf8)
  }
}
