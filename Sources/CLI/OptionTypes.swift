import ArgumentParser
import Common
import Synchronization

/// A type of options that several tools have: read, refused and shown in one way.
package protocol OptionType: ExpressibleByArgument, Sendable, Equatable {
  /// How such a value is written, as an error says it: a sentence.
  static var form: String { get }

  /// `nil` for a text that is no such value.
  init?(parsing text: String)
}

extension OptionType {
  /// Reads an argument; notes how it has to be written where it is refused.
  package init?(argument: String) {
    guard let value = Self(parsing: argument) else {
      RefusedValue.form.withLock { $0 = Self.form }
      return nil
    }
    self = value
  }

  /// The values of the type are no list.
  package static var allValueStrings: [String] { [] }
}

/// ArgumentParser asks a type whether it takes a text, not why not: what the last one that did not wants.
enum RefusedValue {
  static let form = Mutex<String?>(nil)

  /// ArgumentParser's words about a value, with those of the value's type.
  static func explained(_ message: String) -> String {
    guard let form = form.withLock(\.self),
      let line = message.split(separator: "\n", maxSplits: 1).first,
      line.contains("is invalid for")
    else { return message }
    return line + ". \(form)" + message.dropFirst(line.count)
  }
}

/// A time: `500ms`, `30s`, `5m`, `2h`, `1d`, or a number of seconds. Not negative, a year at most.
package struct TimeSpan: OptionType {
  package static let form = "Write a time like 500ms, 30s, 5m, 2h or 1d; a plain number is seconds."

  package let seconds: Double

  /// A time in seconds.
  package init(seconds: Double) { self.seconds = seconds }

  package init?(parsing text: String) {
    guard let seconds = Time.span(text) else { return nil }
    self.seconds = seconds
  }

  package var defaultValueDescription: String {
    let milliseconds = Int((seconds * 1000).rounded())
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")]
    guard milliseconds > 0 else { return "0" }
    for (size, name) in units where milliseconds.isMultiple(of: size) {
      return "\(milliseconds / size)\(name)"
    }
    return "\(milliseconds)ms"
  }
}

/// A part of a whole: `5%` or `0.05`.
package struct Share: OptionType {
  package static let form = "Write a share like 5% or 0.05, from 0 to 100%."

  /// From 0 to 1.
  package let value: Double

  /// A share from 0 to 1.
  package init(_ value: Double) { self.value = value }

  package init?(parsing text: String) {
    let isPercent = text.hasSuffix("%")
    let digits = isPercent ? text.dropLast() : text[...]
    guard digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
      let number = Double(digits)
    else { return nil }
    value = isPercent ? number / 100 : number
    guard value <= 1 else { return nil }
  }

  package var defaultValueDescription: String {
    value == 0 ? "0" : Format.decimal(value * 100, 3) + "%"
  }
}

/// A size: bytes (`1048576`), or with a unit of 1,024 (`512K`, `64M`, `2G`, also `2GiB`); 1 PiB at
/// most.
package struct ByteCount: OptionType {
  package static let form = "Write a size like 500K, 64M or 2G; a plain number is bytes."

  package let bytes: Int

  /// A size in bytes.
  package init(_ bytes: Int) { self.bytes = bytes }

  package init?(parsing text: String) {
    let units: [(Character, Int)] = [("K", 10), ("M", 20), ("G", 30), ("T", 40)]
    var digits = Substring(text.uppercased())
    for ending in ["IB", "B"] where digits.hasSuffix(ending) {
      digits = digits.dropLast(ending.count)
      break
    }
    var shift = 0
    if let unit = units.first(where: { digits.last == $0.0 }) {
      shift = unit.1
      digits = digits.dropLast()
    }
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }),
      let value = Int(digits), value <= (1 << 50) >> shift
    else { return nil }
    bytes = value << shift
  }

  package var defaultValueDescription: String {
    let units = [(1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")]
    for (size, name) in units where bytes > 0 && bytes.isMultiple(of: size) {
      return "\(bytes / size)\(name)"
    }
    return String(bytes)
  }
}

/// How many documents a tool works on at a time: from 1 to 512.
package struct WorkerCount: OptionType {
  package static let form = "Write a number of workers from 1 to 512."

  package let value: Int

  /// A number from 1 to 512; what is beyond becomes the nearest of these.
  package init(_ value: Int) { self.value = min(max(value, 1), 512) }

  package init?(parsing text: String) {
    guard let value = Int(text), (1...512).contains(value) else { return nil }
    self.value = value
  }

  package var defaultValueDescription: String { String(value) }
}
