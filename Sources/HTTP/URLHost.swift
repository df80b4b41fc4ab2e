import CText
import Glibc

/// Reads a host as browsers do (URL Standard, "host parsing"): names in other alphabets become ASCII, and
/// every way to write an address becomes the usual one, so that no check is deceived by how it is written.
enum URLHost {
  static func parse(_ bytes: ArraySlice<UInt8>) -> String? {
    if bytes.first == UInt8(ascii: "[") {
      guard bytes.last == UInt8(ascii: "]") else { return nil }
      return v6(String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self))
    }
    if isUsual(bytes) { return String(decoding: bytes, as: UTF8.self) }
    let name = String(decoding: percentDecoded(bytes), as: UTF8.self)
    guard let host = ascii(name), !host.isEmpty, !host.utf8.contains(where: isForbidden) else {
      return nil
    }
    return endsInNumber(host) ? v4(host) : host
  }

  /// Whether a host is written as nearly all are, and stays as it is: small letters, digits and hyphens, with a last
  /// label that begins with a letter and none in punycode, or an address of four decimal numbers.
  private static func isUsual(_ bytes: ArraySlice<UInt8>) -> Bool {
    var digits = 0
    var hasLetters = false
    var isNumeric = true
    var number = 0
    var dots = 0
    var start = bytes.startIndex
    for (index, byte) in zip(bytes.indices, bytes) {
      switch byte {
      case 0x30...0x39:
        // "01" is octal, and 256 no part of an address.
        if digits > 0, number == 0 { isNumeric = false }
        digits += 1
        number = min(number * 10 + Int(byte - 0x30), 256)
      case 0x61...0x7A, UInt8(ascii: "-"):
        hasLetters = true
        if byte == UInt8(ascii: "-"), index == start + 3, bytes[start] == UInt8(ascii: "x") {
          return false
        }
      case UInt8(ascii: "."):
        if digits == 0 || number > 255 { isNumeric = false }
        (digits, number, start, dots) = (0, 0, index + 1, dots + 1)
      default: return false
      }
    }
    guard let first = bytes[start...].first else { return false }
    if hasLetters { return (0x61...0x7A).contains(first) }
    return isNumeric && dots == 3 && digits > 0 && number <= 255
  }

  private static func percentDecoded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var decoded: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      let digits = rest.prefix(2)
      if byte == UInt8(ascii: "%"), digits.count == 2,
        digits.allSatisfy({ isxdigit(Int32($0)) != 0 }),
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      {
        decoded.append(value)
        rest = rest.dropFirst(2)
      } else {
        decoded.append(byte)
      }
    }
    return decoded
  }

  /// Lower case, and punycode for what is not ASCII (UTS #46, non-transitional).
  private static func ascii(_ name: String) -> String? {
    let lowered = name.lowercased()
    let isPlain = name.utf8.allSatisfy { $0 < 0x80 }
    if isPlain, !lowered.split(separator: ".").contains(where: { $0.hasPrefix("xn--") }) {
      return lowered
    }
    var text: UnsafeMutablePointer<CChar>?
    let flags = Int32(IDN2_NONTRANSITIONAL.rawValue) | Int32(IDN2_NFC_INPUT.rawValue)
    guard !name.utf8.contains(0), idn2_to_ascii_8z(name, &text, flags) == IDN2_OK.rawValue,
      let text
    else { return nil }
    defer { idn2_free(text) }
    return String(cString: text).lowercased()
  }

  private static func isForbidden(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte >= 0x7F || "#/:<>?@[\\]^|%".utf8.contains(byte)
  }

  // MARK: IPv4

  private static func labels(_ host: String) -> [Substring] {
    var labels = host.split(separator: ".", omittingEmptySubsequences: false)
    if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
    return labels
  }

  /// Whether it can only be meant as an address.
  private static func endsInNumber(_ host: String) -> Bool {
    guard let last = labels(host).last, !last.isEmpty else { return false }
    return last.utf8.allSatisfy { (0x30...0x39).contains($0) } || number(last) != nil
  }

  /// Decimal, octal (`017`) or hexadecimal (`0x7f`, and `0x` alone for 0).
  private static func number(_ text: Substring) -> UInt64? {
    let (digits, radix) =
      text.hasPrefix("0x")
      ? (text.dropFirst(2), 16)
      : text.count > 1 && text.hasPrefix("0") ? (text.dropFirst(), 8) : (text, 10)
    if digits.isEmpty { return radix == 16 ? 0 : nil }
    guard digits.utf8.allSatisfy({ isxdigit(Int32($0)) != 0 }) else { return nil }
    // More than fits is a number, too, and none that an address has.
    guard digits.allSatisfy({ $0.hexDigitValue.map { $0 < radix } ?? false }) else { return nil }
    return UInt64(digits, radix: radix) ?? .max
  }

  private static func v4(_ host: String) -> String? {
    let numbers = labels(host).map(number)
    guard numbers.count <= 4, !numbers.contains(nil) else { return nil }
    let parts = numbers.compactMap { $0 }
    guard let last = parts.last, parts.dropLast().allSatisfy({ $0 < 256 }),
      last < 1 << UInt64(8 * (5 - parts.count))
    else { return nil }
    let address = parts.dropLast().enumerated().reduce(last) {
      $0 + $1.element << UInt64(8 * (3 - $1.offset))
    }
    return [24, 16, 8, 0].map { "\(address >> $0 & 0xFF)" }.joined(separator: ".")
  }

  // MARK: IPv6

  private static func v6(_ text: String) -> String? {
    var address = in6_addr()
    guard !text.utf8.contains(0), inet_pton(AF_INET6, text, &address) == 1 else { return nil }
    let bytes = withUnsafeBytes(of: address) { Array($0) }
    let chunks = stride(from: 0, to: 16, by: 2).map { Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]) }
    // The first longest run of zeros is left out; inet_ntop(3) would end some in dotted numbers.
    var run = 0..<0
    var start = 0
    while start < 8 {
      let end = chunks[start...].firstIndex { $0 != 0 } ?? 8
      if end - start > max(1, run.count) { run = start..<end }
      start = max(end, start + 1)
    }
    func written(_ chunks: ArraySlice<Int>) -> String {
      chunks.map { String($0, radix: 16) }.joined(separator: ":")
    }
    if run.isEmpty { return "[\(written(chunks[...]))]" }
    return "[\(written(chunks[..<run.lowerBound]))::\(written(chunks[run.upperBound...]))]"
  }
}

/// Which addresses a transfer may connect to. Checked on the numbers, after the name was resolved, so
/// that a name which suddenly points into the local network is of no use to a stranger.
package enum AddressRule: Sendable, Equatable {
  /// Wherever the operator says.
  case any
  /// Only addresses of the public internet: for links and redirects of a public portal.
  case publicOnly

  /// Whether an address of that many bytes (4 or 16) may be connected to.
  package func allows(_ address: [UInt8]) -> Bool {
    self == .any || Self.isPublic(address)
  }

  /// Whether an IPv4 (4 bytes) or IPv6 (16 bytes) address is one of the public internet, by the
  /// special-purpose registries of RFC 6890.
  package static func isPublic(_ address: [UInt8]) -> Bool {
    switch address.count {
    case 4: return isPublicV4(address)
    case 16:
      // IPv4 in IPv6: mapped (::ffff:0:0/96), compatible (::/96) and NAT64 (64:ff9b::/96).
      let isEmbedded =
        address[..<10].allSatisfy { $0 == 0 }
        && (address[10..<12] == [0xFF, 0xFF] || address[10..<12] == [0, 0])
      if isEmbedded || address[..<12] == [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0] {
        return isPublicV4(Array(address[12...]))
      }
      // 6to4 (2002::/16) carries an IPv4 address, too.
      if address[0] == 0x20, address[1] == 0x02 { return isPublicV4(Array(address[2..<6])) }
      // Only 2000::/3 is handed out for the internet; 2001:db8::/32 is for documents.
      return address[0] & 0xE0 == 0x20 && address[..<4] != [0x20, 0x01, 0x0D, 0xB8]
    default: return false
    }
  }

  private static func isPublicV4(_ address: [UInt8]) -> Bool {
    switch (address[0], address[1], address[2]) {
    case (0, _, _), (10, _, _), (127, _, _), (224..., _, _): false
    case (100, 64...127, _), (169, 254, _), (172, 16...31, _), (192, 168, _): false
    case (192, 0, 0), (192, 0, 2), (198, 18...19, _), (198, 51, 100), (203, 0, 113): false
    default: true
    }
  }
}
