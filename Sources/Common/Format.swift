/// Numbers and texts as people read them. Pure; no locale, so that logs look the same everywhere.
public enum Format {
  /// A finite number with up to `decimals` digits behind the point and no zeros at its end.
  public static func decimal(_ value: Double, _ decimals: Int) -> String {
    var text = fixed(value, decimals)
    if text.contains(".") {
      while text.hasSuffix("0") { text.removeLast() }
      if text.hasSuffix(".") { text.removeLast() }
    }
    return text == "-0" ? "0" : text
  }

  /// A finite number with exactly `decimals` digits (0 to 9) behind the point.
  public static func fixed(_ value: Double, _ decimals: Int) -> String {
    let decimals = max(0, min(9, decimals))
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 9e18 else { return String(value) }
    let digits = String(Int(scaled))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return sign + digits }
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
  }

  /// An integer with a comma between groups of three digits.
  public static func count(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "-" : "") + text
  }

  /// A size in bytes, in units of 1,024: `812 B`, `47.1 KiB`, `1.90 GiB`.
  public static func bytes(_ value: Int) -> String {
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
  public static func percent(_ part: Int, of whole: Int) -> String {
    guard whole != 0 else { return "–" }
    let share = Double(part) / Double(whole)
    return percent(tenths: Int(nearest: share * 1000), isNone: part == 0, isAll: part == whole)
  }

  /// The shares of all parts of a whole in percent, as ``percent(_:of:)`` has them, rounded so that
  /// they add up to 100.0 (the largest remainders are rounded up).
  public static func percents(_ parts: [Int]) -> [String] {
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
  public static func duration(seconds: Double) -> String {
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
  public static func quoted(_ text: String, limit: Int = 80) -> String {
    // Before it is cut: half of a password looks like none.
    let text = SecretRedactor.message(text)
    let short = text.count > limit ? String(text.prefix(limit)) + "…" : text
    return "\"" + printable(short) + "\""
  }

  /// Any error in words. One that has none is named, and not taken apart: what Swift makes of a value
  /// by itself is for programmers.
  public static func reason(_ error: any Error) -> String {
    (error as? any CustomStringConvertible)?.description
      ?? "an error without a description (\(type(of: error)))"
  }

  /// A text from outside without control characters and line breaks.
  public static func printable(_ text: String) -> String {
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
  public static func padded(_ value: String, _ width: Int) -> String {
    String(repeating: "0", count: max(0, width - value.count)) + value
  }
}

extension Format {
  /// A text with blanks on its right, up to `width` columns of a terminal.
  public static func padRight(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - self.width(text)))
  }

  /// A text with blanks on its left, up to `width` columns of a terminal.
  public static func padLeft(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - self.width(text))) + text
  }
}
