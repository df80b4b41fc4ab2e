import Common

/// A store's URL for people, when it is refused: what does not parse may hold a secret anywhere, so what has
/// an `@` is shown as its scheme alone (promise P13).
func shownURL(_ text: String) -> String {
  guard text.utf8.contains(UInt8(ascii: "@")) else { return Format.quoted(text) }
  let scheme = text.firstRange(of: "://").map { text[..<$0.upperBound] } ?? ""
  let isScheme = scheme.dropLast(3).allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
  return Format.quoted((isScheme ? scheme : "") + "***")
}
