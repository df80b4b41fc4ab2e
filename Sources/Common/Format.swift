/// Numbers and texts as people read them. Pure; no locale, so that logs look the same everywhere.
package enum Format {
  /// A finite number with up to `decimals` digits behind the point and no zeros at its end.
  package static func decimal(_ value: Double, _ decimals: Int) -> String {
    guard var (number, places) = scaled(value, decimals) else {
      let text = String(value)
      return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
    while places > 0, number.isMultiple(of: 10) { (number, places) = (number / 10, places - 1) }
    return text(number, places: places, isNegative: value < 0 && number > 0)
  }

  /// A finite number with exactly `decimals` digits (0 to 9) behind the point.
  package static func fixed(_ value: Double, _ decimals: Int) -> String {
    guard let (number, places) = scaled(value, decimals) else { return String(value) }
    return text(number, places: places, isNegative: value < 0 && number > 0)
  }

  /// All digits of a number without its sign, and how many of them are behind the point; `nil` for too many.
  private static func scaled(_ value: Double, _ decimals: Int) -> (number: Int, places: Int)? {
    let places = max(0, min(9, decimals))
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    return scaled < 9e18 ? (Int(scaled), places) : nil
  }

  /// At most 19 digits, a point, a zero before it, and a sign. Each record has such a number.
  private static func text(_ number: Int, places: Int, isNegative: Bool) -> String {
    String(unsafeUninitializedCapacity: 32) { text in
      var (place, rest, written) = (32, number, 0)
      repeat {
        if written == places, places > 0 {
          place -= 1
          text[place] = UInt8(ascii: ".")
        }
        place -= 1
        text[place] = UInt8(ascii: "0") + UInt8(rest % 10)
        (rest, written) = (rest / 10, written + 1)
      } while rest > 0 || written <= places
      if isNegative {
        place -= 1
        text[place] = UInt8(ascii: "-")
      }
      for index in place..<32 { text[index - place] = text[index] }
      return 32 - place
    }
  }

  /// A pattern of ASCII with numbers in the place of its digits: each ends at its `end`, with zeros before it.
  package static func filled(
    _ pattern: StaticString, _ fill: (_ put: (_ value: Int, _ end: Int) -> Void) -> Void
  ) -> String {
    let count = pattern.utf8CodeUnitCount
    return String(unsafeUninitializedCapacity: count) { text in
      for place in 0..<count { text[place] = pattern.utf8Start[place] }
      fill { value, end in
        var (rest, place) = (value, end)
        while rest > 0, place >= 0 {
          text[place] = UInt8(ascii: "0") + UInt8(rest % 10)
          (rest, place) = (rest / 10, place - 1)
        }
      }
      return count
    }
  }

  /// An integer with a comma between groups of three digits.
  package static func count(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "-" : "") + text
  }

  /// A size in bytes, in units of 1,024: `812 B`, `47.1 KiB`, `1.90 GiB`.
  package static func bytes(_ value: Int) -> String {
    guard value.magnitude >= 1024 else { return "\(value) B" }
    var amount = Double(value)
    var unit = 0
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while amount.magnitude >= 1024, unit < units.count - 1 {
      amount /= 1024
      unit += 1
      // What would be rounded up to 1024.0 is one of the next unit.
      if (1023.95..<1024).contains(amount.magnitude), unit < units.count - 1 {
        amount = amount < 0 ? -1024 : 1024
      }
    }
    return "\(fixed(amount, amount.magnitude < 9.995 ? 2 : 1)) \(units[unit])"
  }

  /// A share of a whole in percent with one digit; `–` where there is no whole. A small part is never
  /// none, and nearly all never all: `<0.1%`, `>99.9%`.
  package static func percent(_ part: Int, of whole: Int) -> String {
    guard whole != 0 else { return "–" }
    let share = Double(part) / Double(whole)
    return percent(tenths: Int(nearest: share * 1000), isNone: part == 0, isAll: part == whole)
  }

  /// The shares of all parts of a whole in percent, as ``percent(_:of:)`` has them, rounded so that
  /// they add up to 100.0 (the largest remainders are rounded up).
  package static func percents(_ parts: [Int]) -> [String] {
    let whole = parts.reduce(0) { $0.addingClamped($1) }
    guard whole > 0 else { return parts.map { _ in "–" } }
    let exact = parts.map { Double($0) / Double(whole) * 1000 }
    var tenths = exact.map { Int(nearest: $0.rounded(.down)) }
    let byRemainder = parts.indices.sorted {
      (exact[$0] - exact[$0].rounded(.down), $1) > (exact[$1] - exact[$1].rounded(.down), $0)
    }
    for index in byRemainder.prefix(max(0, 1000 - tenths.reduce(0, +))) { tenths[index] += 1 }
    return parts.indices.map {
      percent(tenths: tenths[$0], isNone: parts[$0] == 0, isAll: parts[$0] == whole)
    }
  }

  private static func percent(tenths: Int, isNone: Bool, isAll: Bool) -> String {
    if tenths == 0, !isNone { return "<0.1%" }
    if tenths == 1000, !isAll { return ">99.9%" }
    return fixed(Double(tenths) / 10, 1) + "%"
  }

  /// A time span: `0.4s`, `12s`, `3m05s`, `2h07m`, `4d06h`; `–` where it is not known.
  package static func duration(seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "–" }
    if seconds < 9.95 { return fixed(seconds, 1) + "s" }
    let whole = Int(seconds.rounded())
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if whole < 60 { return "\(whole)s" }
    if whole < 3600 { return "\(whole / 60)m\(two(whole % 60))s" }
    if whole < 86_400 { return "\(whole / 3600)h\(two(whole / 60 % 60))m" }
    return "\(whole / 86_400)d\(two(whole / 3600 % 24))h"
  }

  /// A text from outside, in quotes, on one line, without control characters and at most 80
  /// characters long, without secrets: safe for a log and for a terminal.
  package static func quoted(_ text: String, limit: Int = 80) -> String {
    // Before it is cut: half of a password looks like none.
    let text = SecretRedactor.message(text)
    let short = text.count > limit ? String(text.prefix(limit)) + "…" : text
    return "\"" + printable(short) + "\""
  }

  /// Any error in words. One that has none is named, and not taken apart: what Swift makes of a value
  /// by itself is for programmers.
  package static func reason(_ error: any Error) -> String {
    (error as? any CustomStringConvertible)?.description
      ?? "an error without a description (\(type(of: error)))"
  }

  /// A text from outside without control characters and line breaks.
  package static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.properties.generalCategory {
          case .control, .format, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
          default: scalar
          }
        }))
  }

  /// A number padded with zeros on its left; longer ones are not cut.
  package static func padded(_ value: String, _ width: Int) -> String {
    String(repeating: "0", count: max(0, width - value.count)) + value
  }
}

extension Format {
  /// A text with blanks on its right, up to `width` columns of a terminal.
  package static func padRight(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - self.width(text)))
  }

  /// A text with blanks on its left, up to `width` columns of a terminal.
  package static func padLeft(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - self.width(text))) + text
  }
}

extension Format {
  /// How many columns of a terminal a text takes: two for each wide character (Unicode's annex 11:
  /// East Asian Wide and Fullwidth, and the pictures), one for any other, whatever marks it carries.
  package static func width(_ text: String) -> Int {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
    return text.reduce(0) { $0 + width($1) }
  }

  /// The beginning of a text that takes at most so many columns.
  package static func fitted(_ text: String, _ columns: Int) -> String {
    var left = columns
    return String(
      text.prefix { character in
        left -= width(character)
        return left >= 0
      })
  }

  private static func width(_ character: Character) -> Int {
    let first = character.unicodeScalars.first?.value ?? 0
    return wide.contains { $0.contains(first) } ? 2 : 1
  }

  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3,
    0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
    0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
  ]
}

extension Format {
  /// A number and its noun: `1 document`, `5,280 documents`.
  package static func counted(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    "\(count(number)) \(number == 1 ? one : many ?? one + "s")"
  }

  /// Documents per hour: whole ones, with a digit behind the point where there are fewer than ten;
  /// `–` where that is not known.
  package static func rate(_ perHour: Double) -> String {
    guard perHour.isFinite, perHour >= 0, perHour < 1e15 else { return "–" }
    if perHour > 0, perHour < 0.05 { return "<0.1" }
    return perHour < 9.95 ? decimal(perHour, 1) : count(Int(perHour.rounded()))
  }

  /// What became of a size: `82.7% saved`, or `1.2% larger` where it grew.
  package static func saving(of original: Int, stored: Int) -> String {
    stored <= original
      ? "\(percent(original.subtractingClamped(stored), of: original)) saved"
      : "\(percent(stored.subtractingClamped(original), of: original)) larger"
  }
}

extension Format {
  /// The request to a portal by which a document is known, without the fields of its queries that have no value: a
  /// look-up names a dozen, which were a third of a row. The same again for what is short already.
  package static func withoutEmptyFields(_ request: String) -> String {
    request.split(separator: " ", omittingEmptySubsequences: false).map { word in
      guard let mark = word.firstIndex(of: "?") else { return String(word) }
      let fields = word[word.index(after: mark)...].split(separator: "&").filter { field in
        field.firstIndex(of: "=").map { field.index(after: $0) < field.endIndex } ?? true
      }
      let query = fields.joined(separator: "&")
      return word[..<mark] + (query.isEmpty ? "" : "?") + query
    }
    .joined(separator: " ")
  }
}
