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
