import Glibc

/// The objects of a PDF in plain text (ISO 32000-1, 7.2 and 7.3), in the spelling that every parser reads alike.
/// Anything else is ``NotOrdinary``: comments, `#` in names, bytes above 126 outside of strings, generations.
struct OrdinaryText {
  enum Value: Equatable {
    case integer(Int)
    case name(String)
    case array([Value])
    case dictionary(Members)
    /// To the object of this number, of generation 0.
    case reference(Int)
    /// Something that nobody here asks about: a string, a real number, `true`.
    case other
  }

  /// What a dictionary has: so few that a search is quicker than a table.
  struct Members: Equatable {
    fileprivate var all: [(name: String, value: Value)] = []

    subscript(name: String) -> Value? { all.first { $0.name == name }?.value }

    static func == (one: Members, other: Members) -> Bool {
      one.all.elementsEqual(other.all, by: ==)
    }
  }

  /// Members of a dictionary that are looked at.
  private static let mostMembers = 256
  /// Nesting that is followed; libqpdf takes 500.
  private static let mostDepth = 30
  private static let block = 4 << 10

  let size: Int
  /// Where the next thing is read.
  var position = 0
  private let descriptor: Int32
  private var bytesLeft: Int
  private var buffer = [UInt8](repeating: 0, count: block)
  private var loaded = 0..<0

  /// The file of `size` bytes behind `descriptor`, of which at most `mostBytes` are looked at.
  init(_ descriptor: Int32, size: Int, mostBytes: Int) {
    self.descriptor = descriptor
    self.size = size
    bytesLeft = mostBytes
  }

  static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 || byte == 0x0C
  }

  static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  private static func isDelimiter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"),
      UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"),
      UInt8(ascii: "/"), UInt8(ascii: "%"):
      true
    default: false
    }
  }

  /// A byte of the file; 0, which nothing ordinary has, beyond its ends and beyond what may be looked at.
  subscript(place: Int) -> UInt8 {
    mutating get {
      if !loaded.contains(place) {
        guard place >= 0, place < size else { return 0 }
        load(from: place)
        guard loaded.contains(place) else { return 0 }
      }
      bytesLeft -= 1
      return bytesLeft > 0 ? buffer[place - loaded.lowerBound] : 0
    }
  }

  /// Reads the last block.
  mutating func loadEnd() { load(from: max(0, size - Self.block)) }

  /// Reads the block that begins there.
  mutating func load(from place: Int) {
    bytesLeft -= Self.block / 8
    let count = buffer.withUnsafeMutableBytes { buffer in
      pread(descriptor, buffer.baseAddress, min(buffer.count, size - place), off_t(place))
    }
    loaded = place..<(place + max(0, count))
  }

  mutating func holds(_ word: StaticString, at place: Int) -> Bool {
    for index in 0..<word.utf8CodeUnitCount
    where self[place + index] != word.utf8Start[index] { return false }
    return true
  }

  /// Skips a word that ends there.
  mutating func skip(_ word: StaticString) -> Bool {
    let end = position + word.utf8CodeUnitCount
    guard holds(word, at: position), isEnd(end) else { return false }
    position = end
    return true
  }

  private mutating func isEnd(_ place: Int) -> Bool {
    let byte = self[place]
    return Self.isBlank(byte) || Self.isDelimiter(byte)
  }

  mutating func skipBlanks() { while Self.isBlank(self[position]) { position += 1 } }

  /// Skips blanks, of which there is one at least.
  mutating func skipBlank() throws(NotOrdinary) {
    guard Self.isBlank(self[position]) else { throw NotOrdinary() }
    skipBlanks()
  }

  /// Digits, ten at most.
  mutating func natural() throws(NotOrdinary) -> Int {
    var number = 0
    var digits = 0
    while true {
      // Read once: the next time, what may be looked at can be used up.
      let byte = self[position]
      guard Self.isDigit(byte) else { break }
      number = number * 10 + Int(byte - 0x30)
      position += 1
      digits += 1
      guard digits <= 10 else { throw NotOrdinary() }
    }
    guard digits > 0 else { throw NotOrdinary() }
    return number
  }

  /// A line of a table, of twenty bytes: where an object begins, 0 for one that was deleted (ISO 32000-1, 7.5.4).
  mutating func tableEntry() throws(NotOrdinary) -> Int {
    let start = position
    let offset = try natural()
    guard position == start + 10, self[position] == 0x20 else { throw NotOrdinary() }
    position += 1
    let generation = try natural()
    guard position == start + 16, self[position] == 0x20 else { throw NotOrdinary() }
    let isUsed = self[position + 1] == UInt8(ascii: "n")
    guard isUsed ? generation == 0 && offset > 0 : self[position + 1] == UInt8(ascii: "f"),
      self[position + 2] == 0x20 || self[position + 2] == 0x0D,
      self[position + 3] == 0x0A || self[position + 2] == 0x20 && self[position + 3] == 0x0D
    else { throw NotOrdinary() }
    position += 4
    return isUsed ? offset : 0
  }

  /// The value that comes next.
  mutating func value(depth: Int = 0) throws(NotOrdinary) -> Value {
    guard depth < Self.mostDepth else { throw NotOrdinary() }
    skipBlanks()
    switch self[position] {
    case UInt8(ascii: "/"): return .name(try name())
    case UInt8(ascii: "["): return .array(try array(depth))
    case UInt8(ascii: "("): try skipString()
    case UInt8(ascii: "<") where self[position + 1] == UInt8(ascii: "<"):
      return .dictionary(try dictionary(depth))
    case UInt8(ascii: "<"): try skipHexadecimal()
    case 0x30...0x39: return try numberOrReference()
    case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      position += self[position] == UInt8(ascii: ".") ? 0 : 1
      try skipFraction(afterDigits: skipDigits())
    default:
      guard skip("true") || skip("false") || skip("null") else { throw NotOrdinary() }
    }
    return .other
  }

  private mutating func name() throws(NotOrdinary) -> String {
    position += 1
    var start = position
    while !isEnd(position) {
      let byte = self[position]
      guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "#"), position - start < 127 else {
        throw NotOrdinary()
      }
      position += 1
    }
    guard position > start else { throw NotOrdinary() }
    // Nearly always it lies in one block.
    if loaded.contains(start), position <= loaded.upperBound {
      let place = start - loaded.lowerBound
      return String(decoding: buffer[place..<place + position - start], as: UTF8.self)
    }
    var bytes: [UInt8] = []
    while start < position {
      bytes.append(self[start])
      start += 1
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private mutating func array(_ depth: Int) throws(NotOrdinary) -> [Value] {
    position += 1
    var values: [Value] = []
    while true {
      skipBlanks()
      if self[position] == UInt8(ascii: "]") { break }
      values.append(try value(depth: depth + 1))
    }
    position += 1
    return values
  }

  private mutating func dictionary(_ depth: Int) throws(NotOrdinary) -> Members {
    position += 2
    var members = Members()
    while true {
      skipBlanks()
      if self[position] != UInt8(ascii: "/") { break }
      let name = try name()
      // Which of two counts is for libqpdf to say.
      guard members.all.count < Self.mostMembers, members[name] == nil else {
        throw NotOrdinary()
      }
      members.all.append((name, try value(depth: depth + 1)))
    }
    guard holds(">>", at: position) else { throw NotOrdinary() }
    position += 2
    return members
  }

  private mutating func numberOrReference() throws(NotOrdinary) -> Value {
    let start = position
    let digits = skipDigits()
    guard digits <= 10, isEnd(position) else {
      try skipFraction(afterDigits: digits)
      return .other
    }
    position = start
    let number = try natural()
    let end = position
    skipBlanks()
    if position > end, self[position] == 0x30, Self.isBlank(self[position + 1]) {
      position += 1
      skipBlanks()
      if skip("R") {
        guard number > 0 else { throw NotOrdinary() }
        return .reference(number)
      }
    }
    position = end
    return .integer(number)
  }

  private mutating func skipDigits() -> Int {
    let start = position
    while Self.isDigit(self[position]) { position += 1 }
    return position - start
  }

  /// What may follow the digits of a number, to its end.
  private mutating func skipFraction(afterDigits digits: Int) throws(NotOrdinary) {
    var digits = digits
    if self[position] == UInt8(ascii: ".") {
      position += 1
      digits += skipDigits()
    }
    guard digits > 0, digits < 20, isEnd(position) else { throw NotOrdinary() }
  }

  private mutating func skipString() throws(NotOrdinary) {
    var open = 0
    repeat {
      switch self[position] {
      case UInt8(ascii: "("): open += 1
      case UInt8(ascii: ")"): open -= 1
      case UInt8(ascii: "\\"): position += 1
      default: break
      }
      position += 1
      guard position < size, bytesLeft > 0 else { throw NotOrdinary() }
    } while open > 0
  }

  private mutating func skipHexadecimal() throws(NotOrdinary) {
    position += 1
    while self[position] != UInt8(ascii: ">") {
      switch self[position] {
      case 0x30...0x39, 0x41...0x46, 0x61...0x66: break
      case let byte: guard Self.isBlank(byte) else { throw NotOrdinary() }
      }
      position += 1
    }
    position += 1
  }
}
