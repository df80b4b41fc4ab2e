/// The parameters of a query (application/x-www-form-urlencoded), as lenient as PHP reads them.
struct Query: Sendable {
  private var values: [String: String] = [:]

  /// Of a name that comes twice, the last value counts.
  init(_ text: String) {
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      values[Self.decoded(parts[0])] = parts.count > 1 ? Self.decoded(parts[1]) : ""
    }
  }

  /// The value without blanks at its ends; `nil` where the parameter is missing.
  subscript(name: String) -> String? { values[name]?.trimmed() }

  /// Resolves `%41` and, in forms, `+`. What is no escape stays as it is.
  static func decoded(_ text: Substring, isForm: Bool = true) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = hexPair(rest) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(isForm && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func hexPair(_ bytes: ArraySlice<UInt8>) -> UInt8? {
    let digits = bytes.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    return digits.count == 2 ? UInt8(digits[0] * 16 + digits[1]) : nil
  }
}
