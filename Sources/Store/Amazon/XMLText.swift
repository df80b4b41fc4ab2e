/// The text of elements in the small answers of S3, which nest no element in another of its name. Not
/// a parser of XML: what it does not find, it does not find.
struct XMLText {
  private let text: String

  init(_ body: [UInt8]) { text = String(decoding: body.prefix(1 << 16), as: UTF8.self) }

  /// What stands in the first element of that name.
  func first(_ name: String) -> String? {
    guard let start = text.firstRange(of: "<\(name)>"),
      let end = text[start.upperBound...].firstRange(of: "</\(name)>")
    else { return nil }
    // The five entities of XML; the ampersand last, which might else make new ones.
    return [("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'"), ("#34", "\""), ("amp", "&")]
      .reduce(String(text[start.upperBound..<end.lowerBound])) {
        $0.replacing("&\($1.0);", with: $1.1)
      }
  }
}
