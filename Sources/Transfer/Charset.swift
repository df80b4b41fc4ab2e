import CText
import Glibc

/// How a page is written: a name that browsers know, and iconv(3) under another name at times.
public struct Charset: Sendable, Hashable {
  /// iconv's name.
  let name: String

  /// The charset of all new pages.
  public static let utf8 = Charset(name: "UTF-8")
  /// What browsers take a page for that does not say.
  public static let windows1252 = Charset(name: "WINDOWS-1252")
  /// By a byte order mark.
  public static let utf16LittleEndian = Charset(name: "UTF-16LE")
  /// By a byte order mark.
  public static let utf16BigEndian = Charset(name: "UTF-16BE")

  private init(name: String) { self.name = name }

  /// The charset that a header or a page names; `nil` for one that is not known. The Encoding Standard of the
  /// WHATWG reads the old names as those of their larger successors.
  public init?(label: String) {
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
  public var isWide: Bool { name.hasPrefix("UTF-16") || name.hasPrefix("UTF-32") }

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
