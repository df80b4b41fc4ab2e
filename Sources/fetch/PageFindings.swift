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
  var answer: StepAnswer?
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
    var step: PortalStep
    /// Where the page came from.
    var url: WebURL
    var head = ResponseHead(status: 200)
    /// Whether its status is that of an answer; of another one only the portal file's words are looked for.
    var isAnswer = true
    /// Whether its end was announced, so that none of it is missing.
    var hasEnd = true
  }

  init() {}

  /// Whether it lacks something that the way goes on with.
  private var lacksSomething = true

  /// Whether nothing in it shows that it is an answer at all.
  var showsNoAnswer: Bool { pageClass == nil && !isAnswerKnown && lacksSomething }

  /// Whether it is a page that a browser would leave by itself, before anything is there to be read.
  func isWayThrough(for step: PortalStep) -> Bool {
    guard !next.isEmpty, pageClass == nil || lacksAnswer else { return false }
    guard step.purpose.isPage else { return true }
    return lacksAnswer || answer != nil && lacksSomething && !isAnswerKnown
      || step.follow != nil && (answer == nil || lacksSomething)
  }

  /// Reads a page. Throws why it cannot be read, or searched, to its end.
  init(_ body: PageBody, for request: Request, isOver: @escaping () -> Bool = { false }) throws {
    let charset =
      request.portal.charset
      ?? Charset.of(pageBeginning: body.start, contentType: request.head.header("Content-Type"))
    if request.step.isJSON, request.step.purpose.isPage, request.isAnswer {
      try readJSON(body, for: request, charset, isOver)
      return
    }
    guard let page = try HTMLPage(body, charset: charset, isOver: isOver) else { return }
    let base = try page.texts("//base/@href", limit: 1).first
    let document = Document(
      url: request.url, charset: charset,
      base: base.flatMap { WebURL($0, relativeTo: request.url) } ?? request.url,
      isWhole: request.hasEnd || Self.hasClosingTag(body))
    title = try Self.title(of: page)
    let step = request.step
    pageClass = try Self.pageClass(of: { page.text() }, by: request, isOver)
    guard request.isAnswer else { return }
    if step.purpose.isPage {
      let hasAnswer = try step.answer.map { expression throws(RecordError) in
        try page.has(expression)
      }
      if hasAnswer == false {
        refuse(step)
      } else {
        answer = try StepAnswer(page, by: step, of: request, in: document, isOver)
        isAnswerKnown = hasAnswer == true || answer?.saysAbsent == true
        lacksSomething = answer?.lacks(anyOf: step) ?? true
      }
    } else if let expression = step.absent, pageClass == nil, try page.has(expression) {
      pageClass = .absent
    }
    next = try PageLink.candidates(on: page, step.follow).compactMap { link in
      WebURL(link.address, relativeTo: document.base, charset: charset)
        .map { Next(url: $0, delay: link.delay) }
    }.filter { $0.url != request.url }
  }

  /// The page is no answer; to a log-in it says that we are not let in.
  private mutating func refuse(_ step: PortalStep) {
    lacksAnswer = pageClass == nil
    pageClass = pageClass ?? (step.isLogin ? .restricted : .portalError)
  }

  /// Bytes of JSON that are read: a list of numbers takes some forty times as much in memory.
  private static let maximumJSON = 2 << 20

  private mutating func readJSON(
    _ body: PageBody, for request: Request, _ charset: Charset, _ isOver: @escaping () -> Bool
  ) throws {
    guard body.count <= Self.maximumJSON else {
      throw RecordError(
        .portalError,
        "the JSON is larger than \(Format.bytes(Self.maximumJSON)), the most that is read")
    }
    let bytes: [UInt8]
    do { bytes = try body.all() } catch { throw Fatal(.inputOutput, "\(error)") }
    let step = request.step
    title = Self.words(bytes.prefix(200))
    pageClass = try Self.pageClass(of: { bytes }, by: request, isOver)
    let json: JSON
    do { json = try JSON(parsing: bytes) } catch {
      refuse(step)
      title = "no JSON (\(error)): \(title)"
      return
    }
    if let pointer = step.answer, !StepAnswer.has(pointer, json) { return refuse(step) }
    let document = Document(url: request.url, charset: charset, base: request.url, isWhole: true)
    answer = try StepAnswer(json, text: bytes, by: step, of: request, in: document, isOver)
    isAnswerKnown = step.answer != nil || answer?.saysAbsent == true
    lacksSomething = answer?.lacks(anyOf: step) ?? true
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
    of read: () -> [UInt8], by request: Request, _ isOver: @escaping () -> Bool
  ) throws -> ErrorClass? {
    let meanings = request.portal.meanings(of: request.step).patterns
    guard !meanings.isEmpty else { return nil }
    let text = read()
    do {
      return try meanings.first {
        try $0.pattern.firstMatch(in: text, isOver: isOver) != nil
      }?
      .kind
    } catch let error as Pattern.TooSlow {
      throw isOver() ? RecordError.stopped : RecordError(error)
    }
  }
}
