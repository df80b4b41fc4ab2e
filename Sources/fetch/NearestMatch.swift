import Common

/// What is nearest to what an expression of a portal file did not find, for people.
enum NearestMatch {
  /// Names of a page that are compared.
  private static let maximumNames = 5000

  /// For an XPath: what it finds without some of its conditions, and where the texts in it stand.
  static func lines(
    _ xpath: String, _ page: borrowing HTMLPage, source: [UInt8]
  ) throws -> [String] {
    var lines: [String] = []
    for relaxed in relaxations(of: xpath) {
      guard let places = try? page.places(relaxed, limit: 1000), let first = places.first else {
        continue
      }
      let words = first.text.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(80)
      let place = first.line > 0 ? " on line \(first.line)" : ""
      lines.append(
        "    nearest: \(relaxed) finds \(places.count), the first\(place): \"\(words)\"")
      break
    }
    if lines.isEmpty { lines.append("    nearest: nothing on the page is like it") }
    let text = String(decoding: source, as: UTF8.self)
    let names = try page.places("//@*", limit: maximumNames)
    for literal in literals(in: xpath) where literal.text.count > 1 {
      // What is compared as a whole is there only as a whole.
      let isThere =
        literal.isWhole
        ? names.contains { $0.text == literal.text } : text.contains(literal.text)
      guard !isThere else { continue }
      let near = near(literal, text, names).map { "; near it is \($0)" } ?? ""
      lines.append("    '\(literal.text)' is nowhere on the page\(near)")
    }
    return lines
  }

  /// Where something like a text stands.
  private static func near(
    _ literal: (text: String, isWhole: Bool), _ text: String, _ names: [(text: String, line: Int)]
  ) -> String? {
    func line(_ index: String.Index) -> Int { text[..<index].count { $0.isNewline } + 1 }
    func found(_ part: some Collection<Character>) -> String? {
      // Without regard to case; both have as many characters.
      let lower = text.lowercased()
      guard let range = lower.firstRange(of: String(part).lowercased()) else { return nil }
      let offset = lower.distance(from: lower.startIndex, to: range.lowerBound)
      guard let start = text.index(text.startIndex, offsetBy: offset, limitedBy: text.endIndex)
      else { return nil }
      let shown = text[start...].prefix(max(literal.text.count, 20)).prefix {
        !$0.isNewline && !"<>'\"".contains($0)
      }
      return "'\(shown)' on line \(line(start))"
    }
    if !literal.isWhole, let same = found(literal.text) { return same }
    if let name = NearestName.of(literal.text, among: Set(names.map(\.text))) {
      return "'\(name)' on line \(names.first { $0.text == name }?.line ?? 0)"
    }
    // As much of its beginning as is there, but not less than half.
    for length in stride(
      from: literal.text.count - 1, through: max(3, literal.text.count / 2), by: -1)
    {
      if let part = found(literal.text.prefix(length)) { return part }
    }
    return nil
  }

  /// The texts in quotes, and whether each is compared as a whole.
  static func literals(in xpath: String) -> [(text: String, isWhole: Bool)] {
    var found: [(text: String, isWhole: Bool)] = []
    var rest = Substring(xpath)
    while let start = rest.firstIndex(where: { $0 == "'" || $0 == "\"" }) {
      let inside = rest[rest.index(after: start)...]
      guard let end = inside.firstIndex(of: rest[start]) else { break }
      let before = rest[..<start].last { !$0.isWhitespace }
      found.append((String(inside[..<end]), before == "="))
      rest = inside[inside.index(after: end)...]
    }
    return found
  }

  /// Weaker forms of an expression, the least weakened first: without one of its conditions, without all, and
  /// without its last steps.
  static func relaxations(of xpath: String) -> [String] {
    var forms: [String] = []
    var path = String(xpath.split(separator: "|", maxSplits: 1).first ?? "")
    while path.hasSuffix(" ") { path.removeLast() }
    let conditions = predicates(of: path)
    for range in conditions.reversed() {
      forms.append(String(path[..<range.lowerBound]) + String(path[range.upperBound...]))
    }
    var bare = path
    for range in conditions.reversed() { bare.removeSubrange(range) }
    forms.append(bare)
    while let slash = bare.lastIndex(of: "/"), slash > bare.startIndex {
      bare = String(bare[..<slash])
      while bare.hasSuffix("/") { bare.removeLast() }
      if !bare.isEmpty { forms.append(bare) }
    }
    return forms.filter { $0 != xpath && !$0.isEmpty }
  }

  /// Where the conditions in square brackets are, outermost, in order.
  private static func predicates(of path: String) -> [Range<String.Index>] {
    var found: [Range<String.Index>] = []
    var depth = 0
    var start = path.startIndex
    var quote: Character?
    for index in path.indices {
      let character = path[index]
      if let open = quote {
        if character == open { quote = nil }
        continue
      }
      switch character {
      case "'", "\"": quote = character
      case "[":
        if depth == 0 { start = index }
        depth += 1
      case "]":
        depth -= 1
        if depth == 0 { found.append(start..<path.index(after: index)) }
      default: break
      }
    }
    return found
  }

  /// For a JSON Pointer: how far it leads, and what is there instead.
  static func lines(_ pointer: JSONPointer, _ json: JSON) -> [String] {
    var values = [json]
    var path = ""
    for token in pointer.tokens {
      let next = values.flatMap { JSONPointer.step(token, into: $0) }
      guard next.isEmpty else {
        values = next
        path += "/" + token
        continue
      }
      guard let value = values.first else { break }
      let place = path.isEmpty ? "the answer" : path
      switch value {
      case .object(let object):
        let names = object.members.map(\.name)
        let near = NearestName.of(token, among: names).map { "; near it is \($0)" } ?? ""
        return [
          "    \(place) is an object with \(names.prefix(20).joined(separator: ", ")), and without \(token)\(near)"
        ]
      case .array(let elements):
        return ["    \(place) is a list of \(elements.count), and \(token) is none of it"]
      default:
        return ["    \(place) is \(Format.quoted(value.text ?? value.description, limit: 40))"]
      }
    }
    return []
  }
}
