import Common

/// What a look-up page says.
struct LookupAnswer: Equatable {
  /// Links to the images of the document, in order, as they are written.
  var images: [String]
  var actualBook: Int?
  var actualPage: Int?

  /// More images than this are not one document.
  static let maximumImages = 200

  /// Reads a page that is an answer. Throws `absent` for one that found nothing.
  init(page bytes: [UInt8], by lookup: Lookup) throws(RecordError) {
    guard let page = HTMLPage(bytes) else {
      throw RecordError(.portalError, "the look-up answered with an empty page")
    }
    images = page.texts(lookup.images)
    guard !images.isEmpty else {
      throw RecordError(.absent, "the look-up found nothing")
    }
    guard images.count <= Self.maximumImages else {
      throw RecordError(.portalError, "the look-up names \(images.count) images for one document")
    }
    actualBook = lookup.actualBook.flatMap { Self.number(page, $0) }
    actualPage = lookup.actualPage.flatMap { Self.number(page, $0) }
  }

  /// What people would call the page.
  static func title(_ page: borrowing HTMLPage) -> String {
    let texts = page.texts("//title | //h1 | //h2") + page.texts("//body")
    let text = texts.first { !$0.allSatisfy(\.isWhitespace) } ?? "no text"
    return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  private static func number(_ page: borrowing HTMLPage, _ extraction: Lookup.Extraction) -> Int? {
    guard let text = page.texts(extraction.xpath).first else { return nil }
    var part = text
    if let pattern = extraction.pattern {
      guard let regex = try? Regex(pattern), let match = text.firstMatch(of: regex) else {
        return nil
      }
      let group = match.count > 1 ? match[1].substring : nil
      part = String(group ?? match[0].substring ?? "")
    }
    return Int(part.filter { !$0.isWhitespace })
  }
}
