import Common

/// Names on the left, figures lined up on their right ends.
struct TextTable {
  private static let nameWidth = 28
  private static let figureWidth = 14

  /// What was added so far, each line with its line end.
  private(set) var text = ""

  /// A line of its own.
  mutating func heading(_ line: String) { text += line + "\n" }

  /// A name and a figure, and perhaps a remark.
  mutating func row(_ name: String, _ figure: String, _ remark: String = "") {
    let gap = remark.isEmpty ? "" : "  "
    text +=
      Format.padRight(name, Self.nameWidth) + Format.padLeft(figure, Self.figureWidth) + gap
      + remark
      + "\n"
  }

  /// A name and a number.
  mutating func row(_ name: String, _ figure: Int, _ remark: String = "") {
    row(name, Format.count(figure), remark)
  }
}
