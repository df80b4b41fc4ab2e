import Common
import HTTP

/// What is looked for in a page, found out once; then the page is let go.
struct PageFindings {
  /// What people would call the page.
  var title = "no text"
  /// What the portal file's patterns say that it means instead of an answer.
  var pageClass: ErrorClass?
  /// Whether `pageClass` is only that it lacks what every answer has.
  private var lacksAnswer = false
  /// Whether the portal file says by what an answer is known, and this has it.
  private var isAnswerKnown = false
  /// What it says of the document, where it was looked up.
  var answer: LookupAnswer?
  /// Where a browser would go on, the likeliest first, as absolute URLs.
  var next: [Next] = []

  /// A page or a document to go on to, and the seconds to wait before.
  struct Next: Equatable {
    var url: WebURL
    var delay: Double
  }

  /// What a page is read for, and by which rules.
  struct Request {
    var portal: Portal
    var purpose: ResponseVerdict.Purpose
    /// Where the page came from.
    var url: WebURL
    /// Its `Content-Type`.
    var contentType: String?
    /// Whether its end was announced, so that none of it is missing.
    var hasEnd = true
  }

  init() {}

  /// Whether nothing in it shows that it is an answer at all.
  var showsNoAnswer: Bool { pageClass == nil && !isAnswerKnown && answer?.images.isEmpty != false }

  /// Whether it is a page that a browser would leave by itself, before anything is there to be read.
  func isWayThrough(for purpose: ResponseVerdict.Purpose) -> Bool {
    guard !next.isEmpty, pageClass == nil || lacksAnswer else { return false }
    guard purpose.isLookup else { return true }
    return lacksAnswer || answer?.images.isEmpty == true && !isAnswerKnown
  }

  /// Reads a page. Throws why it cannot be read, or searched, to its end.
  init(_ body: PageBody, for request: Request, isOver: @escaping () -> Bool = { false }) throws {
    let charset = Charset.of(pageBeginning: body.start, contentType: request.contentType)
    guard let page = try HTMLPage(body, charset: charset, isOver: isOver) else { return }
    let base = try page.texts("//base/@href", limit: 1).first
    let document = Document(
      url: request.url, charset: charset,
      base: base.flatMap { WebURL($0, relativeTo: request.url) } ?? request.url,
      isWhole: request.hasEnd || Self.hasClosingTag(body))
    title = try Self.title(of: page)
    pageClass = try Self.pageClass(of: page, by: request.portal, isOver)
    if case .lookup(let lookup) = request.purpose {
      if let expression = lookup.answer, try !page.has(expression) {
        lacksAnswer = pageClass == nil
        pageClass = pageClass ?? .portalError
      } else {
        isAnswerKnown = lookup.answer != nil
        answer = try LookupAnswer(page, by: lookup, in: document, isOver)
      }
    }
    next = try PageLink.candidates(on: page).compactMap { link in
      WebURL(link.address, relativeTo: document.base, charset: charset)
        .map { Next(url: $0, delay: link.delay) }
    }.filter { $0.url != request.url }
  }

  /// The page that links stand on.
  struct Document: Equatable {
    var url: WebURL
    var charset: Charset
    /// What its links are relative to: its own `<base href>`, or its URL.
    var base: WebURL
    /// Whether it is known to be whole.
    var isWhole: Bool
  }

  private static func hasClosingTag(_ body: PageBody) -> Bool {
    let end = String(decoding: body.end(1024), as: UTF8.self).lowercased()
    return end.contains("</html") || end.contains("</body")
  }

  private static func title(of page: borrowing HTMLPage) throws -> String {
    let headings = try page.texts("//title | //h1 | //h2", limit: 20)
    if let heading = headings.first(where: { !$0.allSatisfy(\.isWhitespace) }) {
      return words(heading.utf8.prefix(2000))
    }
    let text = words(page.text().prefix(2000))
    return text.isEmpty ? "no text" : text
  }

  private static func words(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
      .joined(separator: " ")
  }

  /// The class of the first pattern that is in the page's text.
  private static func pageClass(
    of page: borrowing HTMLPage, by portal: Portal, _ isOver: @escaping () -> Bool
  ) throws -> ErrorClass? {
    guard !portal.meanings.isEmpty else { return nil }
    let text = page.text()
    do {
      return try portal.meanings.first {
        try $0.pattern.firstMatch(in: text, isOver: isOver) != nil
      }?
      .kind
    } catch let error as Pattern.TooSlow {
      throw isOver() ? RecordError.stopped : RecordError(error)
    }
  }
}
