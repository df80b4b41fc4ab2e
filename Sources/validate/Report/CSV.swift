/// Tables as comma-separated values (RFC 4180), lines ended as Unix does.
enum CSV {
  static func text(_ table: ReportTable) -> String {
    line(table.columns)
      + table.rows.map { line($0.map { $0.isText ? safe($0.plain) : $0.plain }) }.joined()
  }

  /// One line with its end.
  static func line(_ fields: [String]) -> String {
    fields.map(quoted).joined(separator: ",") + "\n"
  }

  /// A text from outside that a spreadsheet would take for a formula gets an apostrophe in front,
  /// which spreadsheets do not show (OWASP, "CSV Injection").
  static func safe(_ text: String) -> String {
    let first = text.unicodeScalars.first
    return first.map { "=+-@\t\r\n".unicodeScalars.contains($0) } ?? false ? "'" + text : text
  }

  private static func quoted(_ field: String) -> String {
    let special: Set<Unicode.Scalar> = [",", "\"", "\n", "\r"]
    guard field.unicodeScalars.contains(where: special.contains) else { return field }
    return "\"" + field.replacing("\"", with: "\"\"") + "\""
  }
}
