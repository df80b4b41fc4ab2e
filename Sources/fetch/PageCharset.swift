import Transfer

extension Charset {
  /// How far into a page a `meta` is looked for (HTML Standard, "prescan a byte stream").
  private static let prescan = 1024

  /// How a page is written, as browsers find out (HTML Standard, "determining the character encoding"): by
  /// its byte order mark, else by its `Content-Type`, else by a `meta` in its beginning; without any of them
  /// in UTF-8 where it can be that, else in windows-1252.
  static func of(pageBeginning start: [UInt8], contentType: String?) -> Charset {
    if start.starts(with: [0xEF, 0xBB, 0xBF]) { return .utf8 }
    if start.starts(with: [0xFF, 0xFE]) { return .utf16LittleEndian }
    if start.starts(with: [0xFE, 0xFF]) { return .utf16BigEndian }
    if let charset = contentType.flatMap({ named(in: $0) }) { return charset }
    if let charset = inMeta(String(decoding: start.prefix(prescan), as: UTF8.self)) {
      // A page whose meta could be read as ASCII is not in two bytes for each character.
      return charset.isWide ? .utf8 : charset
    }
    return isUTF8(start) ? .utf8 : .windows1252
  }

  /// The value of `charset=` in a header field or in an attribute.
  private static func named(in text: String) -> Charset? {
    var rest = Substring(text)
    while let found = rest.range(of: "charset") {
      rest = rest[found.upperBound...]
      let value = rest.drop(while: \.isWhitespace)
      guard value.first == "=" else { continue }
      let label = value.dropFirst().drop(while: \.isWhitespace)
      if let quote = label.first, quote == "\"" || quote == "'" {
        return Charset(label: String(label.dropFirst().prefix { $0 != quote }))
      }
      return Charset(label: String(label.prefix { !$0.isWhitespace && !";\"'/>".contains($0) }))
    }
    return nil
  }

  private static func inMeta(_ beginning: String) -> Charset? {
    var rest = Substring(beginning)
    while let found = rest.range(of: "<meta") {
      let tag = rest[found.upperBound...].prefix { $0 != ">" }
      if let charset = named(in: String(tag)) { return charset }
      rest = rest[tag.endIndex...]
    }
    return nil
  }

  /// Whether the beginning is UTF-8, but for a character that its end cuts.
  private static func isUTF8(_ bytes: [UInt8]) -> Bool {
    let whole =
      bytes.count < 4
      ? bytes[...]
      : bytes.dropLast(
        bytes.suffix(3).reversed().prefix { $0 & 0xC0 == 0x80 }.count + 1)
    return String(validating: whole, as: UTF8.self) != nil
  }
}

extension Substring {
  /// The first place of an ASCII text, in any case.
  fileprivate func range(of text: String) -> Range<Substring.Index>? {
    var start = startIndex
    while start < endIndex {
      if let end = index(start, offsetBy: text.count, limitedBy: endIndex),
        self[start..<end].lowercased() == text
      {
        return start..<end
      }
      formIndex(after: &start)
    }
    return nil
  }
}
