/// A JSON value that comes out as it went in: members keep their order, numbers keep their digits.
///
/// Foundation's decoder turns `9007199254740993` into a rounded double; a record that only passes
/// through must not be changed (docs/architecture.md, "The record").
package enum JSON: Sendable, Hashable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSON])
  case object(JSONObject)
}

/// A number as it was written: `1e400` and `12345678901234567890.10` stay themselves.
package struct JSONNumber: Sendable, Hashable {
  /// The digits, valid by RFC 8259, section 6.
  package let literal: String

  init(validated literal: String) { self.literal = literal }

  package init(_ value: Int) { literal = String(value) }

  /// A finite number with up to `decimals` digits behind the point; `nil` for NaN and infinities.
  package init?(_ value: Double, decimals: Int = 3) {
    guard value.isFinite else { return nil }
    literal = Format.decimal(value, decimals)
  }

  /// A finite number with as many digits as tell it from any other double; `nil` for NaN and infinities.
  package init?(exactly value: Double) {
    guard value.isFinite else { return nil }
    literal = "\(value)"
  }

  /// The value, where it is an integer that 64 bits can hold.
  package var int: Int? { Int(literal) }

  package var double: Double? { Double(literal) }
}

/// The members of an object in the order of the text. Names are unique (RFC 7493, section 2.3).
package struct JSONObject: Sendable, Hashable {
  /// A name and its value.
  package struct Member: Sendable, Hashable {
    package var name: String
    package var value: JSON

    /// Whether this is its name, code point by code point (RFC 8259, section 8.3): Swift's `==` also
    /// takes a composed and a decomposed é for the same.
    /// Where `==` says no, which for ASCII is one comparison of words, they differ in any case.
    func isNamed(_ other: String) -> Bool { name == other && name.utf8.elementsEqual(other.utf8) }
  }

  package private(set) var members: [Member]

  package init() { members = [] }

  /// Without members, and with room for so many.
  package init(room: Int) {
    members = []
    members.reserveCapacity(room)
  }

  init(uniqueMembers: [Member]) { members = uniqueMembers }

  /// Reads, replaces in place, appends, or (with `nil`) removes a member.
  package subscript(name: String) -> JSON? {
    get { members.first { $0.isNamed(name) }?.value }
    set {
      let index = members.firstIndex { $0.isNamed(name) }
      switch (index, newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(Member(name: name, value: value))
      case (nil, nil): break
      }
    }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// Members in the order written, each name once; a `nil` leaves its member out.
  package init(dictionaryLiteral elements: (String, JSON?)...) {
    self.init()
    members.reserveCapacity(elements.count)
    for case (let name, let value?) in elements { members.append(Member(name: name, value: value)) }
  }
}

extension JSON {
  package static func int(_ value: Int) -> JSON { .number(JSONNumber(value)) }

  /// A number with up to `decimals` digits behind the point, `null` where it is not finite.
  package static func decimal(_ value: Double, _ decimals: Int = 3) -> JSON {
    JSONNumber(value, decimals: decimals).map(JSON.number) ?? .null
  }

  /// The member `name` of an object, `nil` for anything else.
  package subscript(name: String) -> JSON? { object?[name] }

  /// The object, if it is one.
  package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

  /// The elements, if it is an array.
  package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }

  /// The string, if it is one.
  package var string: String? { if case .string(let value) = self { value } else { nil } }

  /// The truth value, if it is one.
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// The integer, if it is a number without fraction that 64 bits can hold.
  package var int: Int? { if case .number(let value) = self { value.int } else { nil } }

  /// The nearest double, if it is a number.
  package var double: Double? { if case .number(let value) = self { value.double } else { nil } }

  /// The text of a string or a number: what a template puts in its place.
  package var text: String? {
    switch self {
    case .string(let value): value
    case .number(let value): value.literal
    default: nil
    }
  }
}
