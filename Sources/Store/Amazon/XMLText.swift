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
    return Self.decoded(String(text[start.upperBound..<end.lowerBound]))
  }

  /// A text with the five entities of XML, and characters that are written as their numbers, as what they
  /// stand for (https://www.w3.org/TR/xml/, sections 4.1 and 4.6).
  static func decoded(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "&")) else { return text }
    var result = ""
    var rest = Substring(text)
    while let start = rest.firstIndex(of: "&") {
      result += rest[..<start]
      rest = rest[start...]
      if let end = rest.prefix(12).firstIndex(of: ";"),
        let character = character(rest[rest.index(after: start)..<end])
      {
        result.unicodeScalars.append(character)
        rest = rest[rest.index(after: end)...]
      } else {
        result.append(rest.removeFirst())
      }
    }
    return result + rest
  }

  private static func character(_ name: Substring) -> Unicode.Scalar? {
    switch name {
    case "lt": return "<"
    case "gt": return ">"
    case "quot": return "\""
    case "apos": return "'"
    case "amp": return "&"
    default:
      guard name.hasPrefix("#") else { return nil }
      let isHex = name.hasPrefix("#x")
      let number = UInt32(name.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10)
      return number.flatMap(Unicode.Scalar.init)
    }
  }
}

/// The elements of a long answer of S3, which nest no element in another of its name. Not a parser of
/// XML: it looks for tags among bytes, since a listing has many thousands of them.
struct XMLElements {
  private let bytes: ArraySlice<UInt8>

  init(_ body: [UInt8]) { bytes = body[...] }

  private init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  /// What stands in the first element of that name, entities as they are.
  func text(_ name: String) -> String? {
    content(name, from: bytes.startIndex).map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  /// All elements of that name, in order.
  func all(_ name: String) -> [XMLElements] {
    var found: [XMLElements] = []
    var place = bytes.startIndex
    while let range = content(name, from: place) {
      found.append(XMLElements(bytes[range]))
      place = range.upperBound
    }
    return found
  }

  private func content(_ name: String, from start: Int) -> Range<Int>? {
    guard let opening = index(of: "<\(name)>", from: start) else { return nil }
    let first = opening + name.utf8.count + 2
    return index(of: "</\(name)>", from: first).map { first..<$0 }
  }

  private func index(of tag: String, from start: Int) -> Int? {
    var start = start
    while let place = bytes[start...].firstIndex(of: UInt8(ascii: "<")) {
      if bytes[place...].starts(with: tag.utf8) { return place }
      start = place + 1
    }
    return nil
  }
}
