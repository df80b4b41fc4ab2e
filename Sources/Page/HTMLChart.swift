import Common

/// Charts as inline SVG. Colours are the page's; exact values show when the mouse rests on a shape.
package enum HTMLChart {
  /// One value.
  package struct Bar: Sendable {
    /// Beside or below the bar.
    let label: String
    let value: Double
    /// The exact value, for people.
    let text: String
    /// A class of the page's style.
    var style = "accent"
    /// A paler bar behind it: the whole that `value` is a part of.
    var whole: Double?

    /// A bar with its label and its value in words.
    package init(
      label: String, value: Double, text: String, style: String = "accent", whole: Double? = nil
    ) {
      (self.label, self.value, self.text) = (label, value, text)
      (self.style, self.whole) = (style, whole)
    }
  }

  private static let width = 640.0

  /// Bars that lie one below the other, the label on the left and the value on the right.
  package static func rows(_ bars: [Bar], title: String) -> String {
    let (left, right, height) = (190.0, 110.0, 26.0)
    let most = bars.map { max($0.value, $0.whole ?? 0) }.max() ?? 0
    func length(_ value: Double) -> Double {
      most > 0 ? max(0, value) / most * (width - left - right) : 0
    }
    let shapes = bars.enumerated().map { place, bar in
      let top = Double(place) * height + 4
      let reach = max(length(bar.value), length(bar.whole ?? 0))
      let behind = bar.whole.map { rectangle(left, top, length($0), 18, "faint") } ?? ""
      return group(
        "\(bar.label): \(bar.text)",
        rectangle(0, top - 4, width, height, "hit") + behind
          + rectangle(left, top, length(bar.value), 18, bar.style)
          + text(left - 8, top + 13, short(bar.label), "end")
          + text(left + reach + 6, top + 13, bar.text, "start"))
    }
    return svg(Double(bars.count) * height, title, shapes)
  }

  /// Bars that stand side by side over an axis, as values over time or over books do. `scale` names
  /// a value on the axis.
  package static func columns(_ bars: [Bar], title: String, scale: (Double) -> String) -> String {
    let (left, top, bottom, height) = (64.0, 10.0, 196.0, 224.0)
    let highest = ceiling(bars.map(\.value).max() ?? 0)
    let pitch = (width - left - 8) / Double(max(1, bars.count))
    let lines = [0, 0.5, 1].map { share in
      let y = bottom - share * (bottom - top)
      return rectangle(left, y, width - left - 8, 1, "rule")
        + text(left - 8, y + 4, scale(share * highest), "end")
    }
    // Names that do not touch: fewer of them, the longer they are.
    let names = bars.contains { $0.label.count > 6 } ? 4 : 10
    let every = max(1, (bars.count + names - 1) / names)
    let shapes = bars.enumerated().map { place, bar in
      let x = left + Double(place) * pitch
      let tall = highest > 0 ? max(0, bar.value) / highest * (bottom - top) : 0
      let broad = max(1, min(56, pitch * 0.8))
      let name =
        place % every == 0 ? text(x + pitch / 2, bottom + 18, short(bar.label), "middle") : ""
      return group(
        "\(bar.label): \(bar.text)",
        rectangle(x, top, pitch, bottom - top, "hit")
          + rectangle(x + (pitch - broad) / 2, bottom - tall, broad, tall, bar.style)
          + name)
    }
    return svg(height, title, lines + shapes)
  }

  /// One bar made of parts.
  package static func stack(_ parts: [Bar], title: String) -> String {
    let total = parts.reduce(0) { $0 + max(0, $1.value) }
    var x = 0.0
    let shapes = parts.filter { $0.value > 0 }.map { part in
      let length = part.value / total * width
      defer { x += length }
      return group("\(part.label): \(part.text)", rectangle(x, 0, max(1, length), 34, part.style))
    }
    return svg(34, title, shapes)
  }

  /// Where on a line of numbers something is.
  package static func strip(
    _ parts: [ClosedRange<Int>], within whole: ClosedRange<Int>, title: String
  )
    -> String
  {
    // A range of all numbers has more than there are numbers.
    func count(_ range: ClosedRange<Int>) -> Double {
      Double(range.upperBound) - Double(range.lowerBound) + 1
    }
    let unit = width / count(whole)
    let shapes = parts.map { part in
      let name =
        part.lowerBound == part.upperBound
        ? "\(part.lowerBound)" : "\(part.lowerBound) to \(part.upperBound)"
      return group(
        name,
        rectangle(
          (Double(part.lowerBound) - Double(whole.lowerBound)) * unit, 0,
          max(1, count(part) * unit),
          34,
          "bad"))
    }
    let ends =
      text(0, 52, "\(whole.lowerBound)", "start") + text(width, 52, "\(whole.upperBound)", "end")
    return svg(58, title, [rectangle(0, 0, width, 34, "good"), ends] + shapes)
  }

  /// The next higher number that is easy to halve: 1, 2, 4 or 10 of a power of ten.
  static func ceiling(_ value: Double) -> Double {
    guard value > 0, value < 1e300 else { return 0 }
    var power = 1.0
    while power * 10 <= value { power *= 10 }
    while power > value { power /= 10 }
    return ([1, 2, 4, 6, 8].first { $0 * power >= value } ?? 10) * power
  }

  private static func short(_ label: String) -> String {
    label.count > 26 ? label.prefix(25) + "…" : label
  }

  private static func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String
  ) -> String {
    func number(_ value: Double) -> String { Format.decimal(value, 1) }
    return "<rect class=\"\(style)\" x=\"\(number(x))\" y=\"\(number(y))\" "
      + "width=\"\(number(width))\" height=\"\(number(height))\"/>"
  }

  private static func text(_ x: Double, _ y: Double, _ text: String, _ anchor: String) -> String {
    "<text x=\"\(Format.decimal(x, 1))\" y=\"\(Format.decimal(y, 1))\" "
      + "text-anchor=\"\(anchor)\">\(HTMLText.escaped(text))</text>"
  }

  private static func group(_ title: String, _ shapes: String) -> String {
    "<g><title>\(HTMLText.escaped(title))</title>\(shapes)</g>"
  }

  private static func svg(_ height: Double, _ title: String, _ shapes: [String]) -> String {
    "<svg viewBox=\"0 0 \(Int(width)) \(Int(height))\" role=\"img\" "
      + "aria-label=\"\(HTMLText.escaped(title))\">\n\(shapes.joined(separator: "\n"))\n</svg>\n"
  }
}
