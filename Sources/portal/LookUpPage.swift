/// The answer of a successful look-up. Documents differ in how sloppy their page is, because the
/// portal was mended by many hands.
struct LookUpPage {
  let html: String

  init(_ document: Document, _ seed: Int) {
    var random = SeededRandom(seed: seed, .markup, document.number)
    let sloppy = random.number(0...3)
    let cells = Self.cells(document, &random)
    let links = (0..<document.imageCount).map { Self.link(document, $0, sloppy) }
    let heading = sloppy == 1 ? ("<H2 class=parties>", "</H2>") : ("<h2>", "</h2>")
    html = Pages.page(
      "Deed Record Lookup",
      """
      <p>1 record found.&nbsp;&nbsp;Displaying record 1
      \(heading.0)Grantor:\(sloppy == 2 ? "&nbsp;" : " ")\(Pages.escaped(document.grantor))<br>
      Grantee: \(Pages.escaped(document.grantee))\(heading.1)
      <p>Nature:\(sloppy == 3 ? "&nbsp;" : " ")<em>\(Pages.escaped(document.type.parsed))</em>
      \(Self.table(cells, sloppy))
      <p>\(links.joined(separator: sloppy == 0 ? "<BR>\n" : "&nbsp;|\n"))
      """)
  }

  private static func cells(_ document: Document, _ random: inout SeededRandom) -> [String] {
    let date = document.fileDate.split(separator: "-")
    return [
      "Type: \(document.type.bookType)", "Book: \(document.book)", "Page: \(document.page)",
      "Section: \(random.number(1...36))", "Township: \(random.number(7...12))",
      "Range: \(random.number(1...5))\(random.pick(["E", "W"]))",
      "Date Recorded: \(date[1])/\(date[2])/\(date[0])",
      "Instrument: \(document.instrument.map(String.init) ?? "")",
    ]
  }

  private static func table(_ cells: [String], _ sloppy: Int) -> String {
    let rows = [cells.prefix(3), cells[3..<6], cells[6...]]
    switch sloppy {
    case 0:
      let rows = rows.map { "<tr>\($0.map { "<td>\($0)</td>" }.joined())</tr>" }
      return "<table border=\"1\">\n\(rows.joined(separator: "\n"))\n</table>"
    case 1:
      // Neither cells nor rows are closed.
      let rows = rows.map { "<TR>\($0.map { "<TD nowrap>\($0)\n" }.joined())" }
      return "<TABLE border=1 width=100%>\n\(rows.joined())</TABLE>"
    case 2:
      let rows = rows.map { row in
        "<tr valign=top>"
          + row.map { "<td>\($0.replacingFirstBlank(with: "&nbsp;"))</td>\n" }.joined()
      }
      return "<table>\n<tbody>\(rows.joined())</table>"
    default:
      let rows = rows.map { "<tr>\($0.map { "<td><b> \($0) </b>" }.joined())</tr>" }
      return "<table cellpadding='2'>\n\(rows.joined(separator: "\n"))\n</table>"
    }
  }

  private static func link(_ document: Document, _ scan: Int, _ sloppy: Int) -> String {
    let target = "pdf-records.php?image=\(document.image(scan))"
    let text = "Download Image \(scan + 1)"
    return switch sloppy {
    case 1: "<A HREF=\(target) target=_blank>\(text)</A>"
    case 2: "<a class='scan' href='\(target)'>\(text)</a>"
    case 3: "<a href=\"\(target)\"><b>\(text)</a>"
    default: "<a href=\"\(target)\">\(text)</a>"
    }
  }
}

extension String {
  fileprivate func replacingFirstBlank(with text: String) -> String {
    guard let blank = firstIndex(of: " ") else { return self }
    return self[..<blank] + text + self[index(after: blank)...]
  }
}
