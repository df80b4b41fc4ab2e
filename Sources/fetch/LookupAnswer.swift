import Common
import HTTP

/// What a look-up page says.
struct LookupAnswer: Equatable {
  /// Links to the images of the document, in order, as they are written.
  var images: [String]
  var actualBook: Int?
  var actualPage: Int?
  /// The page, which the links are relative to.
  var document: PageFindings.Document

  /// More images than this are not one document.
  static let maximumImages = 200

  /// Reads a page that is an answer.
  init(
    _ page: borrowing HTMLPage, by lookup: Lookup, in document: PageFindings.Document,
    _ isOver: @escaping () -> Bool = { false }
  ) throws {
    // A link may stand there twice, as a picture and as a text; more than so many are too many anyway.
    images = try page.texts(lookup.images, limit: 2 * Self.maximumImages + 1)
      .filter { !$0.allSatisfy(\.isWhitespace) }
    self.document = document
    actualBook = try lookup.actualBook.flatMap { try Self.number(page, $0, isOver) }
    actualPage = try lookup.actualPage.flatMap { try Self.number(page, $0, isOver) }
  }

  /// Where the images are, each once, in the order in which they appear. Throws `absent` where the look-up
  /// found none, and what is wrong with a link.
  func urls(by links: LinkRule) throws(RecordError) -> [WebURL] {
    guard !images.isEmpty else {
      guard document.isWhole else {
        throw RecordError(
          .portalError,
          """
          the look-up page lists no image, and may have been cut short: it has neither a length nor an \
          end (</html>) (\(document.url.redacted))
          """)
      }
      throw RecordError(.absent, "the look-up found nothing")
    }
    var urls: [WebURL] = []
    for link in images {
      let url = try links.follow(
        link, from: document.url, base: document.base, charset: document.charset)
      if !urls.contains(url) { urls.append(url) }
    }
    guard urls.count <= Self.maximumImages else {
      throw RecordError(
        .portalError,
        "the look-up lists more than \(Self.maximumImages) images for one document")
    }
    return urls
  }

  private static func number(
    _ page: borrowing HTMLPage, _ extraction: Lookup.Extraction, _ isOver: @escaping () -> Bool
  ) throws -> Int? {
    guard let text = try page.texts(extraction.xpath, limit: 1).first else { return nil }
    var part = text
    if let pattern = extraction.pattern {
      do {
        guard let match = try pattern.firstMatch(in: Array(text.utf8), isOver: isOver) else {
          return nil
        }
        part = match
      } catch { throw isOver() ? RecordError.stopped : RecordError(error) }
    }
    return Int(part.filter { !$0.isWhitespace })
  }
}
