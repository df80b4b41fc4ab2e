import CCrypto

/// Bytes as text (RFC 4648).
public enum Base64 {
  /// The usual alphabet, with padding: checksums in headers and in JSON.
  public static func encode(_ bytes: [UInt8]) -> String {
    var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
    let count = EVP_EncodeBlock(&text, bytes, Int32(bytes.count))
    return String(decoding: text.prefix(Int(count)), as: UTF8.self)
  }

  /// The alphabet for URLs, without padding (RFC 7515, section 2): the parts of a signed token.
  public static func encodeForURL(_ bytes: [UInt8]) -> String {
    String(
      encode(bytes).compactMap {
        switch $0 {
        case "+": "-"
        case "/": "_"
        case "=": nil
        default: $0
        }
      })
  }

  /// The bytes behind padded text of the usual alphabet; `nil` for any other text.
  public static func decode(_ text: String) -> [UInt8]? {
    let input = Array(text.utf8)
    guard !input.contains(where: { $0 <= 0x20 }), input.count % 4 == 0 else { return nil }
    if input.isEmpty { return [] }
    var bytes = [UInt8](repeating: 0, count: input.count / 4 * 3)
    let count = EVP_DecodeBlock(&bytes, input, Int32(input.count))
    guard count >= 0 else { return nil }
    // EVP_DecodeBlock(3) counts the zeros that padding stands for as bytes.
    let padding = input.suffix(2).count { $0 == UInt8(ascii: "=") }
    let decoded = Array(bytes.prefix(Int(count) - padding))
    // It also takes more padding than there can be, and bits behind the last byte.
    return encode(decoded) == text ? decoded : nil
  }
}
