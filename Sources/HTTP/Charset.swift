import CText
import Glibc

/// How a page is written: a name that browsers know, and iconv(3) under another name at times.
package struct Charset: Sendable, Hashable {
  /// iconv's name.
  package let name: String

  /// The charset of all new pages.
  package static let utf8 = Charset(name: "UTF-8")
  /// What browsers take a page for that does not say.
  package static let windows1252 = Charset(name: "WINDOWS-1252")
  /// By a byte order mark.
  package static let utf16LittleEndian = Charset(name: "UTF-16LE")
  /// By a byte order mark.
  package static let utf16BigEndian = Charset(name: "UTF-16BE")

  private init(name: String) { self.name = name }

  /// The charset that a header or a page names; `nil` for one that is not known. The Encoding Standard of the
  /// WHATWG reads the old names as those of their larger successors.
  package init?(label: String) {
    let label = label.trimmed.lowercased()
    guard (1...40).contains(label.utf8.count),
      label.utf8.allSatisfy({ isalnum(Int32($0)) != 0 || "-_.:+".utf8.contains($0) })
    else { return nil }
    let name = Self.successors[label] ?? label.uppercased()
    let converter = iconv_open("UTF-8", name)
    guard converter != iconv_t(bitPattern: -1) else { return nil }
    iconv_close(converter)
    self.name = name
  }

  private static let successors = [
    "utf8": "UTF-8", "unicode-1-1-utf-8": "UTF-8", "us-ascii": "WINDOWS-1252",
    "ascii": "WINDOWS-1252", "iso-8859-1": "WINDOWS-1252", "iso8859-1": "WINDOWS-1252",
    "iso_8859-1": "WINDOWS-1252", "latin1": "WINDOWS-1252", "l1": "WINDOWS-1252",
    "iso88591": "WINDOWS-1252", "cp1252": "WINDOWS-1252", "x-cp1252": "WINDOWS-1252",
    "iso-8859-9": "WINDOWS-1254", "latin5": "WINDOWS-1254", "gb2312": "GBK",
    "gb_2312-80": "GBK", "x-gbk": "GBK", "shift_jis": "CP932", "shift-jis": "CP932",
    "sjis": "CP932", "x-sjis": "CP932", "ks_c_5601-1987": "CP949", "euc-kr": "CP949",
    "iso-8859-11": "CP874", "tis-620": "CP874", "x-mac-roman": "MACINTOSH",
    "iso-8859-8-i": "ISO-8859-8", "utf-16": "UTF-16LE", "unicode": "UTF-16LE",
  ]

  /// Whether it is one of the forms with two bytes for each character, which no page can name in itself.
  package var isWide: Bool { name.hasPrefix("UTF-16") || name.hasPrefix("UTF-32") }

  /// A text in this charset; what that does not have as `&#8364;`, as browsers write it into a query.
  func encoded(_ text: String) -> [UInt8] {
    // Queries are written in UTF-8 where the page is in UTF-16 (Encoding Standard, "output encoding").
    if self == .utf8 || isWide { return Array(text.utf8) }
    let converter = iconv_open(name, "UTF-8")
    guard converter != iconv_t(bitPattern: -1) else { return Array(text.utf8) }
    defer { iconv_close(converter) }
    return text.unicodeScalars.flatMap { scalar -> [UInt8] in
      var input = String(scalar).utf8CString.map { $0 }
      var output = [CChar](repeating: 0, count: 16)
      let written: Int? = input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
          var (from, left) = (input.baseAddress, input.count - 1)
          var (to, room) = (output.baseAddress, output.count)
          let result = iconv(converter, &from, &left, &to, &room)
          return result == -1 ? nil : output.count - room
        }
      }
      guard let written else { return Array("%26%23\(scalar.value)%3B".utf8) }
      return output.prefix(written).map { UInt8(bitPattern: $0) }
    }
  }
}

extension String {
  /// Without blanks around it.
  fileprivate var trimmed: String {
    var text = Substring(self)
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}

/// Brings a text into UTF-8, chunk by chunk. What is no character becomes U+FFFD, and NULs are left out: a
/// parser in C would take one for the end. Owns iconv's converter; belongs to one thread.
package struct CharsetDecoder: ~Copyable {
  /// `nil` for UTF-8: iconv(3) lets numbers pass there that are no characters (sequences of five bytes).
  private let converter: iconv_t?
  /// The beginning of a character that a chunk broke off in.
  private var rest: [CChar] = []

  /// A decoder; `nil` where the system has no memory for one.
  package init?(_ charset: Charset) {
    if charset == .utf8 {
      converter = nil
      return
    }
    let converter = iconv_open("UTF-8", charset.name)
    guard converter != iconv_t(bitPattern: -1) else { return nil }
    self.converter = converter
  }

  deinit { if let converter { iconv_close(converter) } }

  /// The next chunk in UTF-8.
  package mutating func decode(_ chunk: UnsafeRawBufferPointer) -> [UInt8] {
    guard let converter else { return checked(chunk) }
    var input = rest
    input.append(contentsOf: chunk.bindMemory(to: CChar.self))
    rest = []
    var output: [UInt8] = []
    output.reserveCapacity(input.count + input.count / 2 + 16)
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    input.withUnsafeMutableBufferPointer { input in
      var (from, left) = (input.baseAddress, input.count)
      while left > 0 {
        let (result, failure) = buffer.withUnsafeMutableBufferPointer { buffer in
          var (to, room) = (buffer.baseAddress, buffer.count)
          errno = 0
          let result = iconv(converter, &from, &left, &to, &room)
          let failure = errno
          let written = UnsafeRawBufferPointer(
            start: buffer.baseAddress, count: buffer.count - room)
          if let base = written.baseAddress, memchr(base, 0, written.count) != nil {
            output.append(contentsOf: written.lazy.filter { $0 != 0 })
          } else {
            output.append(contentsOf: written)
          }
          return (result, failure)
        }
        if result != -1 || failure == E2BIG { continue }
        if failure == EINVAL, left < 16 { break }
        output += [0xEF, 0xBF, 0xBD]
        from = from?.advanced(by: 1)
        left -= 1
      }
      rest = Array(input.suffix(left))
    }
    return output
  }

  /// The same for what is UTF-8 or should be.
  private mutating func checked(_ chunk: UnsafeRawBufferPointer) -> [UInt8] {
    var bytes = rest.map { UInt8(bitPattern: $0) }
    bytes.append(contentsOf: chunk)
    // The beginning of a character that the next chunk goes on with.
    let tail = bytes.suffix(3).reversed().prefix { $0 & 0xC0 == 0x80 }.count
    let lead = tail < bytes.count ? bytes[bytes.count - 1 - tail] : 0
    let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1
    let kept = length > tail + 1 && lead < 0xF5 ? tail + 1 : 0
    rest = bytes.suffix(kept).map { CChar(bitPattern: $0) }
    bytes.removeLast(kept)
    if String(validating: bytes, as: UTF8.self) == nil {
      bytes = Array(String(decoding: bytes, as: UTF8.self).utf8)
    }
    if bytes.contains(0) { bytes.removeAll { $0 == 0 } }
    return bytes
  }

  /// What is left when all chunks were decoded: nothing, or the mark for half a character.
  package mutating func finish() -> [UInt8] { rest.isEmpty ? [] : [0xEF, 0xBF, 0xBD] }
}
