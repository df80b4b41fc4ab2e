import Common
import HTTP

/// `--probe`: the answers for a document that is there and for one that cannot be, side by side.
struct Comparison {
  private(set) var lines: [String] = []
  /// Whether the portal file tells them apart.
  private(set) var isTold = false

  /// Lines that are shown of each page.
  private static let shown = 12

  init(_ explanation: Explanation, _ record: DocumentRecord) throws {
    var impossible = record
    // Numbers that no book has, in all fields that name a document.
    for (name, value) in [
      ("instrument_number", 999_999_999), ("page", 99_999), ("gin", 999_999_999),
    ] where record[name] != nil { impossible.fields[name] = .int(value) }
    // Two requests each: what differs is seen by then.
    let there = try explanation.run(record, most: 2)
    let none = try explanation.run(impossible, most: 2)
    isTold =
      (there.wasCut || there.expected["error"] == nil) && none.isDecided
      && none.expected["error"]?.string == "absent"
    lines = ["== the document that is there"] + there.lines
    lines += ["", "== a document that cannot be there"] + none.lines + [""]
    let first = Self.words(there.exchanges)
    let second = Self.words(none.exchanges)
    lines.append(
      "Only on the pages of the first: " + Self.list(first.filter { !second.contains($0) }))
    lines.append(
      "Only on the pages of the second: " + Self.list(second.filter { !first.contains($0) }))
    lines.append(
      isTold
        ? "The portal file tells them apart."
        : """
        The portal file does not tell them apart: words that are only on the pages of the second belong \
        into absent.
        """)
  }

  private static func list(_ words: [String]) -> String {
    words.isEmpty
      ? "nothing" : words.prefix(shown).map { Format.quoted($0) }.joined(separator: ", ")
  }

  /// The texts of the pages that came, each once.
  private static func words(_ exchanges: [Trace.Exchange]) -> [String] {
    var found: [String] = []
    for exchange in exchanges {
      let body = PageBody(path: "/dev/null/none")
      guard exchange.body.count < 60_000,
        exchange.body.withUnsafeBytes({ body.append($0) }) == nil,
        let page = try? HTMLPage(body, charset: .utf8),
        let places = try? page.places("//body//text()[normalize-space(.)]", limit: 500)
      else { continue }
      for place in places {
        let text = place.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if !found.contains(text) { found.append(text) }
      }
    }
    return found
  }
}
