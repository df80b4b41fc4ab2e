/// Why a text is not JSON as we accept it.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was wrong, for people.
  package let message: String
  /// Where, in bytes from the start of the text.
  package let offset: Int

  /// The message with its place.
  package var description: String { "\(message) at byte \(offset + 1)" }
}

extension JSON {
  /// Nesting that is still read. RFC 8259, section 9, lets a parser set a limit; a recursive one must.
  package static let maximumDepth = 256

  /// Reads one JSON text (RFC 8259), strictly: no duplicate names and no lone surrogates (RFC 7493),
  /// no bytes that are not UTF-8, at most ``maximumDepth`` levels.
  package init(parsing text: [UInt8]) throws(JSONError) {
    let result = text.withUnsafeBufferPointer { bytes -> Result<JSON, JSONError> in
      var parser = JSONParser(bytes: bytes)
      do throws(JSONError) { return .success(try parser.document()) } catch {
        return .failure(error)
      }
    }
    self = try result.get()
  }

  /// Reads one JSON text from a string.
  package init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }
}

/// A recursive-descent reader over bytes that it does not own.
private struct JSONParser {
  let bytes: UnsafeBufferPointer<UInt8>
  var position = 0
  var depth = 0

  init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  mutating func document() throws(JSONError) -> JSON {
    let value = try value()
    skipBlanks()
    guard position == bytes.count else { throw failure("text after the end of the value") }
    return value
  }

  private func failure(_ message: String) -> JSONError {
    JSONError(message: message, offset: position)
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      position += 1
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  private mutating func value() throws(JSONError) -> JSON {
    skipBlanks()
    switch next {
    case UInt8(ascii: "{"): return try nested { parser throws(JSONError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { parser throws(JSONError) in try parser.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte):
      return .number(try number())
    case nil: throw failure("the text ends where a value should be")
    default: throw failure("not the start of a JSON value")
    }
  }

  private mutating func nested(
    _ read: (inout JSONParser) throws(JSONError) -> JSON
  ) throws(JSONError) -> JSON {
    guard depth < JSON.maximumDepth else {
      throw failure("nested more than \(JSON.maximumDepth) levels deep")
    }
    depth += 1
    defer { depth -= 1 }
    position += 1
    return try read(&self)
  }

  private mutating func object() throws(JSONError) -> JSON {
    var members: [JSONObject.Member] = []
    // A scan is quicker than a set for the few members that records have.
    var seen: Set<[UInt8]> = []
    skipBlanks()
    if take(UInt8(ascii: "}")) { return .object(JSONObject()) }
    while true {
      skipBlanks()
      guard next == UInt8(ascii: "\"") else { throw failure("a member name was expected") }
      let name = try string()
      let known =
        members.count < 16
        ? members.contains { $0.isNamed(name) } : seen.contains(Array(name.utf8))
      guard !known else { throw failure("the member \(Format.quoted(name)) is there twice") }
      skipBlanks()
      guard take(UInt8(ascii: ":")) else { throw failure("a colon was expected") }
      members.append(JSONObject.Member(name: name, value: try value()))
      if members.count == 16 { seen = Set(members.map { Array($0.name.utf8) }) }
      if members.count > 16 { seen.insert(Array(name.utf8)) }
      skipBlanks()
      if take(UInt8(ascii: "}")) { return .object(JSONObject(uniqueMembers: members)) }
      guard take(UInt8(ascii: ",")) else { throw failure("a comma or } was expected") }
    }
  }

  private mutating func array() throws(JSONError) -> JSON {
    var elements: [JSON] = []
    skipBlanks()
    if take(UInt8(ascii: "]")) { return .array([]) }
    while true {
      elements.append(try value())
      skipBlanks()
      if take(UInt8(ascii: "]")) { return .array(elements) }
      guard take(UInt8(ascii: ",")) else { throw failure("a comma or ] was expected") }
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
    for index in 0..<text.utf8CodeUnitCount {
      guard take(text.utf8Start[index]) else { throw failure("not a JSON value") }
    }
    return value
  }

  private mutating func digits() -> Bool {
    let start = position
    while let byte = next, byte >= 0x30, byte <= 0x39 { position += 1 }
    return position > start
  }

  private mutating func number() throws(JSONError) -> JSONNumber {
    let start = position
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")), !digits() { throw failure("a digit was expected") }
    if take(UInt8(ascii: ".")), !digits() { throw failure("a digit was expected") }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      if !digits() { throw failure("a digit was expected") }
    }
    return JSONNumber(
      validated: String(decoding: bytes[start..<position], as: UTF8.self))
  }

  private mutating func string() throws(JSONError) -> String {
    position += 1
    let start = position
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        defer { position += 1 }
        return try text(bytes[start..<position])
      case UInt8(ascii: "\\"): return try escapedString(from: start)
      case 0..<0x20: throw failure("a control character in a string")
      default: position += 1
      }
    }
    throw failure("the text ends inside a string")
  }

  /// The slower way, for strings with escapes: their bytes are collected chunk by chunk.
  private mutating func escapedString(from start: Int) throws(JSONError) -> String {
    var collected = Array(bytes[start..<position])
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return try text(collected[...])
      case UInt8(ascii: "\\"):
        position += 1
        collected.append(contentsOf: String(try escape()).utf8)
      case 0..<0x20: throw failure("a control character in a string")
      default:
        collected.append(byte)
        position += 1
      }
    }
    throw failure("the text ends inside a string")
  }

  private func text(_ slice: some Collection<UInt8>) throws(JSONError) -> String {
    guard let text = String(validating: slice, as: UTF8.self) else {
      throw failure("a string that is not UTF-8")
    }
    return text
  }

  private mutating func escape() throws(JSONError) -> Unicode.Scalar {
    guard let byte = next else { throw failure("the text ends inside a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw failure("an unknown escape in a string")
    }
  }

  private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
    let first = try fourHexDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
      throw failure("half of a surrogate pair")
    }
    let second = try fourHexDigits()
    guard (0xDC00...0xDFFF).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw failure("half of a surrogate pair") }
    return scalar
  }

  private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw failure("four hexadecimal digits were expected")
      }
      value = value << 4 + UInt32(digit)
      position += 1
    }
    return value
  }
}
