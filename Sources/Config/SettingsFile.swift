import Files
import Common
import Glibc
import Yams

/// A YAML file with settings, read strictly: a name that is not known is an error, because a typo in
/// a filter would otherwise select a million documents.
package struct SettingsFile: Sendable {
  package let path: String
  private let root: SettingsNode

  /// Largest file that is read, in bytes.
  package static let maximumBytes = 1 << 20

  /// Reads the file at `path`. Throws a configuration error with file and line.
  package init(path: String) throws(Fatal) {
    self.path = path
    guard let text = try Self.text(path) else {
      throw Fatal(
        .configuration, "cannot read \(path): \(String(cString: strerror(errno)))")
    }
    do {
      root = try SettingsNode(Yams.compose(yaml: text))
    } catch {
      throw Fatal(
        .configuration, "\(path) is not valid YAML: \(Format.printable(Format.reason(error)))")
    }
  }

  private static func text(_ path: String) throws(Fatal) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
    let count = fread(&bytes, 1, bytes.count, file)
    guard ferror(file) == 0 else { return nil }
    // The part that was read may lack a filter, and be well-formed all the same.
    guard count <= maximumBytes else {
      throw Fatal(
        .configuration,
        "\(path) is not read: it has more than \(Format.bytes(maximumBytes)). Shorten it.")
    }
    // Editors on Windows begin a file with a byte order mark; it is no part of the first name.
    return String(decoding: ByteOrderMark.dropped(from: bytes.prefix(count)), as: UTF8.self)
  }

  /// The settings at the top.
  package func settings() throws(Fatal) -> Settings {
    try Settings(root, path: path, place: nil)
  }
}

/// The members of one mapping in a settings file. What was asked for is known; ``finish()`` refuses
/// the rest.
package struct Settings {
  private let members: [(name: String, value: SettingsNode)]
  private var asked: [String] = []
  private let path: String
  /// Which mapping of the file it is: `steps[2].read`; `nil` for the whole file.
  private let place: String?

  init(_ node: SettingsNode, path: String, place: String?) throws(Fatal) {
    self.path = path
    self.place = place
    switch node {
    case .mapping(let members): self.members = members
    case .null: members = []
    default:
      throw Fatal(
        .configuration, "\(path): \(place ?? "the top level") has to be names with values")
    }
  }

  /// An error about one setting, with its file and name.
  package func wrong(_ name: String, _ expected: String) -> Fatal {
    Fatal(.configuration, "\(path): \(within(name)) has to be \(expected)")
  }

  /// A member as the whole file has it.
  private func within(_ name: String) -> String {
    guard let place, !name.hasPrefix(place) else { return name }
    return "\(place).\(name)"
  }

  private mutating func value(_ name: String) throws(Fatal) -> SettingsNode? {
    asked.append(name)
    switch members.first(where: { $0.name == name })?.value {
    // Written down and empty is most likely forgotten, and a forgotten filter selects everything.
    case .null?: throw wrong(name, "given a value, or left out")
    case .sequence(let elements)? where elements.isEmpty:
      throw wrong(name, "given values, or left out")
    case let value: return value
    }
  }

  package mutating func string(_ name: String) throws(Fatal) -> String? {
    guard let value = try value(name) else { return nil }
    guard case .scalar(let text) = value else { throw wrong(name, "one text") }
    return text
  }

  /// A text read by `parse`, which answers `nil` for what is not `expected`.
  package mutating func parsed<T>(
    _ name: String, _ expected: String, _ parse: (String) -> T?
  ) throws(Fatal) -> T? {
    guard let text = try string(name) else { return nil }
    guard let value = parse(text) else {
      throw wrong(name, "\(expected), and is \(Format.quoted(text))")
    }
    return value
  }

  /// A list of texts; a single text counts as a list of one.
  package mutating func strings(_ name: String) throws(Fatal) -> [String] {
    switch try value(name) {
    case nil: return []
    case .scalar(let text): return [text]
    case .sequence(let elements):
      var texts: [String] = []
      for element in elements {
        guard case .scalar(let text) = element else { throw wrong(name, "a list of texts") }
        texts.append(text)
      }
      return texts
    default: throw wrong(name, "a list of texts")
    }
  }

  /// A list of texts, each read by `parse`.
  package mutating func list<T>(
    _ name: String, _ expected: String, _ parse: (String) -> T?
  ) throws(Fatal) -> [T] {
    var values: [T] = []
    for text in try strings(name) {
      guard let value = parse(text) else {
        throw wrong(name, "a list of \(expected), and has \(Format.quoted(text))")
      }
      values.append(value)
    }
    return values
  }

  /// Names with texts, in order.
  package mutating func pairs(_ name: String) throws(Fatal) -> [(name: String, value: String)] {
    var pairs: [(name: String, value: String)] = []
    guard let value = try value(name) else { return [] }
    guard case .mapping(let members) = value else { throw wrong(name, "names with texts") }
    for member in members {
      switch member.value {
      case .scalar(let text): pairs.append((member.name, text))
      case .null: pairs.append((member.name, ""))
      default: throw wrong("\(name).\(member.name)", "one text")
      }
    }
    return pairs
  }

  package mutating func nested(_ name: String) throws(Fatal) -> Settings? {
    guard let value = try value(name) else { return nil }
    return try Settings(value, path: path, place: within(name))
  }

  /// A value of any form: what is sent as JSON, say.
  package mutating func tree(_ name: String) throws(Fatal) -> SettingsNode? { try value(name) }

  /// A list of nested mappings.
  package mutating func nestedList(_ name: String) throws(Fatal) -> [Settings] {
    guard let value = try value(name) else { return [] }
    guard case .sequence(let elements) = value else { throw wrong(name, "a list") }
    var list: [Settings] = []
    for (index, element) in elements.enumerated() {
      list.append(try Settings(element, path: path, place: "\(within(name))[\(index + 1)]"))
    }
    return list
  }

  /// The names of all members, for mappings whose names are data.
  package mutating func allNames() -> [String] {
    asked = members.map(\.name)
    return asked
  }

  /// Refuses members that were not asked for.
  package func finish() throws(Fatal) {
    for member in members where !asked.contains(member.name) {
      throw Fatal(
        .configuration,
        "\(path): unknown setting \(Format.quoted(member.name)) in \(place ?? "the top level"); known are "
          + asked.sorted().joined(separator: ", "))
    }
  }
}

/// YAML as far as settings need it: scalars keep their text, whatever they look like.
package enum SettingsNode: Sendable {
  case null
  case scalar(String)
  case sequence([SettingsNode])
  case mapping([(name: String, value: SettingsNode)])

  init(_ node: Node?) throws {
    switch node {
    case nil: self = .null
    case .scalar(let scalar)?:
      let isNull = scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
      self = isNull ? .null : .scalar(scalar.string)
    case .sequence(let sequence)?: self = .sequence(try sequence.map { try SettingsNode($0) })
    case .mapping(let mapping)?:
      self = .mapping(
        try mapping.map { (name: $0.key.string ?? "", value: try SettingsNode($0.value)) })
    case .alias?: self = .null
    }
  }
}
