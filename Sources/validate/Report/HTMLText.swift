import Common

/// Pieces of HTML. Whatever comes from outside passes through ``escaped(_:)``.
enum HTMLText {
  /// A text as content or as the value of an attribute in quotes: no markup, one line, and without
  /// the characters that turn the direction of what follows.
  static func escaped(_ text: String) -> String {
    var out = ""
    for character in Format.printable(text) {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      default: out.append(character)
      }
    }
    return out
  }

  /// A table of at most `limit` rows, and one with the sums of the others.
  static func table(_ table: ReportTable, limit: Int) -> String {
    let kinds = table.columns.indices.map { table.isText($0) ? "" : " class=\"n\"" }
    func row(_ tag: String, _ cells: [String]) -> String {
      let parts = cells.enumerated().map { "<\(tag)\(kinds[$0])>\(escaped($1))</\(tag)>" }
      return "<tr>\(parts.joined())</tr>\n"
    }
    let rows = table.shortened(limit).map { row("td", $0.map { String($0.human.prefix(300)) }) }
    return """
      <div class="scroll"><table><thead>\(row("th", table.headings))</thead>
      <tbody>
      \(rows.joined())</tbody></table></div>

      """
  }
}
