import Common

/// Chunks of HTML. Whatever comes from outside passes through ``escaped(_:)``.
package enum HTMLText {
  /// A text as content or as the value of an attribute in quotes: no markup, one line, and without
  /// the characters that turn the direction of what follows.
  package static func escaped(_ text: String) -> String {
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

  /// Figures side by side, each with what it is.
  package static func tiles(_ facts: [(figure: String, text: String)]) -> String {
    let tiles = facts.map {
      "<div class=\"tile\"><b>\(escaped($0.figure))</b><span>\(escaped($0.text))</span></div>"
    }
    return "<div class=\"tiles\">\n\(tiles.joined(separator: "\n"))\n</div>\n"
  }

  /// A table of at most `limit` rows, and one with the sums of the others.
  package static func table(_ table: ReportTable, limit: Int) -> String {
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

/// How the page looks, in the light and in the dark, on a screen and on paper.
package enum HTMLStyle {
  package static let css = """
    :root { color-scheme: light dark;
      --paper: #ffffff; --card: #f6f7f9; --ink: #1a1d21; --muted: #5b6470; --rule: #d9dee5;
      --accent: #2f6fde; --good: #2e8b57; --warn: #c77700; --bad: #c43d3d; --faint: #ccd5e2; }
    @media (prefers-color-scheme: dark) { :root {
      --paper: #14171a; --card: #1d2126; --ink: #e8eaed; --muted: #9fa9b5; --rule: #353c45;
      --accent: #6ea8ff; --good: #4fb37f; --warn: #e0a044; --bad: #ee7777; --faint: #3c4654; } }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--paper);
      color: var(--ink); font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; }
    h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 0 0 .2rem; }
    p { margin: .2rem 0 .8rem; } .muted { color: var(--muted); }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr));
      gap: .8rem; margin: 1rem 0; }
    .tile, section { background: var(--card); border-radius: .5rem; padding: .8rem 1rem; }
    .tile b { display: block; font-size: 1.45rem; font-weight: 600; }
    .tile span { color: var(--muted); font-size: .85rem; }
    section { margin: 1rem 0; }
    .pair { display: grid; grid-template-columns: minmax(0, 1.15fr) minmax(0, 1fr); gap: 1.5rem;
      align-items: start; }
    @media (max-width: 56rem) { .pair { grid-template-columns: minmax(0, 1fr); } }
    .scroll { overflow: auto; max-height: 20rem; }
    table { border-collapse: collapse; width: 100%; font-size: .8rem;
      font-variant-numeric: tabular-nums; }
    th, td { text-align: left; padding: .22rem .4rem; border-bottom: 1px solid var(--rule);
      vertical-align: top; overflow-wrap: break-word; }
    td { white-space: pre-wrap; } svg text { white-space: pre; }
    th { color: var(--muted); font-weight: 500; position: sticky; top: 0; background: var(--card); }
    .n { text-align: right; overflow-wrap: normal; white-space: nowrap; }
    th.n { white-space: normal; vertical-align: bottom; }
    svg { display: block; width: 100%; height: auto; margin: .2rem 0 .6rem; }
    svg text { fill: var(--ink); font-size: 12px; } rect.hit { fill: transparent; }
    rect.rule { fill: var(--rule); } rect.faint { fill: var(--faint); }
    rect.accent, i.accent { fill: var(--accent); background: var(--accent); }
    rect.good, i.good { fill: var(--good); background: var(--good); }
    rect.warn, i.warn { fill: var(--warn); background: var(--warn); }
    rect.bad, i.bad { fill: var(--bad); background: var(--bad); }
    rect.rest, i.rest { fill: var(--faint); background: var(--faint); }
    g:hover rect:not(.hit):not(.rule) { opacity: .75; }
    .key { font-size: .85rem; } .key i { display: inline-block; width: .8em; height: .8em;
      border-radius: .15em; margin: 0 .35em 0 1em; } .key i:first-child { margin-left: 0; }
    @media print { body { max-width: none; } .scroll { max-height: none; } section
      { break-inside: avoid; } }
    """
}
