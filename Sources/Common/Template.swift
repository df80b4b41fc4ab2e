/// A text with places to fill from a record: `{book|pad:4}-{page|pad:4}.pdf`.
///
/// A place names a field and, behind bars, what to do with its text: `pad:N` puts zeros before it up to
/// N characters, `slug` makes it lower case with single hyphens, `or:TEXT` stands in where the field is
/// missing or empty. `{{` and `}}` are braces. A portal's `{secret:NAME}` names what is never written down.
package struct Template: Sendable, Equatable {
  private enum Filter: Sendable, Equatable {
    case pad(Int)
    case slug
    case or(String)
  }

  private enum Part: Sendable, Equatable {
    case text(String)
    case field(String, [Filter])
  }

  private let parts: [Part]
  /// The template as it was written.
  package let source: String

  /// What the name of a secret begins with.
  package static let secretPrefix = "secret:"

  /// What is wrong with a template, for people.
  package struct SyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
  }

  /// A text without places.
  package init(literal text: String) {
    parts = text.isEmpty ? [] : [.text(text)]
    source = text
  }

  package init(_ source: String) throws(SyntaxError) {
    var parts: [Part] = []
    var text = ""
    var rest = Substring(source)
    func wrong(_ what: String) -> SyntaxError {
      SyntaxError(description: "\(what) in the template \(Format.quoted(source))")
    }
    while let character = rest.popFirst() {
      switch (character, rest.first) {
      case ("{", "{"), ("}", "}"):
        text.append(character)
        rest.removeFirst()
      case ("{", _):
        guard let end = rest.firstIndex(of: "}") else { throw wrong("an unclosed {") }
        if !text.isEmpty { parts.append(.text(text)) }
        text = ""
        parts.append(try Self.field(rest[..<end], wrong))
        rest = rest[rest.index(after: end)...]
      case ("}", _): throw wrong("a } without {")
      default: text.append(character)
      }
    }
    if !text.isEmpty { parts.append(.text(text)) }
    self.parts = parts
    self.source = source
  }

  private static func field(
    _ source: Substring, _ wrong: (String) -> SyntaxError
  ) throws(SyntaxError) -> Part {
    let chunks = source.split(separator: "|", omittingEmptySubsequences: false)
    let name = String(chunks.first ?? "")
    let word = name.hasPrefix(secretPrefix) ? name.dropFirst(secretPrefix.count) : name[...]
    guard !word.isEmpty, word.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." })
    else { throw wrong("the field name \(Format.quoted(name))") }
    var filters: [Filter] = []
    for chunk in chunks.dropFirst() {
      if chunk == "slug" {
        filters.append(.slug)
      } else if chunk.hasPrefix("pad:"), let width = Int(chunk.dropFirst(4)), (1...64) ~= width {
        filters.append(.pad(width))
      } else if chunk.hasPrefix("or:") {
        filters.append(.or(String(chunk.dropFirst(3))))
      } else {
        throw wrong("the unknown filter \(Format.quoted(String(chunk)))")
      }
    }
    return .field(name, filters)
  }

  /// The name of the one field that it is, without anything around or done to it; else `nil`.
  package var onlyField: String? {
    guard parts.count == 1, case .field(let name, let filters) = parts[0], filters.isEmpty else {
      return nil
    }
    return name
  }

  /// All fields that it names.
  package var fields: [String] {
    parts.compactMap { if case .field(let name, _) = $0 { name } else { nil } }
  }

  /// The fields that it needs to be filled: those without `or:`.
  package var requiredFields: [String] {
    parts.compactMap {
      guard case .field(let name, let filters) = $0 else { return nil }
      let hasDefault = filters.contains { if case .or = $0 { true } else { false } }
      return hasDefault ? nil : name
    }
  }

  /// Fills the places: `lookup` answers for a field's name, `encode` makes each text fit where it
  /// goes (percent-encoding, say); the template's own text stays as it is. Throws the name of the
  /// first field that is missing or empty.
  package func fill(
    encode: (String) -> String = { $0 }, _ lookup: (String) -> String?
  ) throws(MissingField) -> String {
    var text = ""
    for part in parts {
      switch part {
      case .text(let literal): text += literal
      case .field(let name, let filters):
        var value = lookup(name) ?? ""
        for filter in filters {
          switch filter {
          case .pad(let width): if !value.isEmpty { value = Format.padded(value, width) }
          case .slug: value = Format.slug(value)
          case .or(let other): if value.isEmpty { value = other }
          }
        }
        guard !value.isEmpty else { throw MissingField(name: name) }
        text += encode(value)
      }
    }
    return text
  }

  /// A field that a template needs and a record does not have.
  package struct MissingField: Error, Sendable, Equatable, CustomStringConvertible {
    package let name: String
    package var description: String { "the field \(Format.quoted(name)) is missing or empty" }
  }
}

extension Format {
  /// Lower case, with everything that is not a letter or digit as single hyphens, none at the ends:
  /// `ASSIGN OIL GAS  MIN` is `assign-oil-gas-min`.
  package static func slug(_ text: String) -> String {
    text.lowercased().split { !($0.isLetter || $0.isNumber) }.joined(separator: "-")
  }

  /// Percent-encoded but for the unreserved characters of RFC 3986, section 2.3.
  package static func percentEncoded(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        out.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return out
  }

  /// What was percent-encoded; `nil` where it is no such text, or what it stands for is not UTF-8.
  package static func percentDecoded(_ text: String) -> String? {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = Substring(rest.prefix(2))
      guard digits.utf8.count == 2, digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }),
        let value = UInt8(digits, radix: 16)
      else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
