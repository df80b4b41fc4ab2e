import Common

/// A JSON API: a search gives identifiers, ten an answer; a document has pages, listed two an answer.
struct APISite {
  private static let resultsPerAnswer = 10
  private static let pagesPerAnswer = 2
  private static let root = "/sites/api/v1"

  let catalogue: Catalogue

  func route(_ path: [String], _ request: Request) -> Route {
    let query = Query(request.query)
    let offset = min(max(0, query["offset"].flatMap(Int.init) ?? 0), Catalogue.maximumCount)
    switch (path.first, path.count) {
    case ("v1", 2) where path[1] == "documents":
      return search(query["instrument"], query["book"], query["page"], offset)
    case ("v1", 2) where path[1] == "search" && request.method == .post:
      return search(posted: request.body, offset)
    case ("v1", 4) where path[1] == "documents" && path[3] == "pages":
      return document(path[2]).map { pages($0, offset) } ?? Self.missing
    case ("v1", 4) where path[1] == "documents" && path[3] == "file":
      return document(path[2]).map { scan($0, $0.allPages) } ?? Self.missing
    case ("v1", 3) where path[1] == "files": return file(path[2])
    default: return Self.missing
    }
  }

  private func search(posted body: [UInt8], _ offset: Int) -> Route {
    guard let json = try? JSON(parsing: body), json.object != nil else {
      return Self.failure(400, "bad_request", "The body is not a JSON object.")
    }
    func text(_ name: String) -> String? { json[name]?.int.map(String.init) ?? json[name]?.string }
    return search(text("instrument"), text("book"), text("page"), offset)
  }

  private func search(
    _ instrument: String?, _ book: String?, _ page: String?, _ offset: Int
  ) -> Route {
    switch catalogue.search(instrument: instrument, book: book, page: page) {
    case .found(let document): return results([document], "", 0)
    case .none: return results([], "", 0)
    case .incomplete:
      guard let number = book.flatMap(Int.init) else {
        return Self.failure(
          400, "bad_request", "Name an instrument, or a book, or a book and a page.")
      }
      let all = catalogue.documents.filter { $0.book == number && !catalogue.isAbsent($0) }
      return results(all, "\(Self.root)/documents?book=\(number)", offset)
    }
  }

  private func results(_ all: [Document], _ address: String, _ offset: Int) -> Route {
    let shown = all.dropFirst(offset).prefix(Self.resultsPerAnswer)
    let next = offset + Self.resultsPerAnswer
    return .page(
      Self.answer([
        "total": .int(all.count), "results": .array(shown.map(described)),
        "next": next < all.count ? .string("\(address)&offset=\(next)") : .null,
      ]), all.count == 1 ? all[0] : nil)
  }

  private func described(_ document: Document) -> JSON {
    .object([
      "id": .string(Self.id(document)), "book": .int(document.book), "page": .int(document.page),
      "instrument": document.instrument.map(JSON.int) ?? .null,
      "type": .string(document.type.parsed), "pages": .int(document.pageCount),
    ])
  }

  private func pages(_ document: Document, _ offset: Int) -> Route {
    let shown = document.allPages.dropFirst(offset).prefix(Self.pagesPerAnswer)
    let next = offset + Self.pagesPerAnswer
    let id = Self.id(document)
    return .page(
      Self.answer([
        "document": .string(id),
        "pages": .array(
          shown.map {
            .object([
              "number": .int($0), "file": .string("\(Self.root)/files/\(id)-\($0).pdf"),
            ])
          }),
        "next": next < document.pageCount
          ? .string("\(Self.root)/documents/\(id)/pages?offset=\(next)") : .null,
      ]), document)
  }

  private func file(_ name: String) -> Route {
    let parts = name.hasSuffix(".pdf") ? name.dropLast(4).split(separator: "-") : []
    guard parts.count == 2, let document = document(String(parts[0])),
      let page = Int(parts[1]), document.allPages.contains(page)
    else { return Self.missing }
    return scan(document, page...page)
  }

  private func scan(_ document: Document, _ pages: ClosedRange<Int>) -> Route {
    catalogue.isBroken(document) ? .brokenScan(document) : .scan(document, pages: pages)
  }

  private func document(_ id: String) -> Document? {
    guard id.hasPrefix("D"), let found = Int(id.dropFirst()).flatMap({ catalogue.document($0) }),
      Self.id(found) == id, !catalogue.isAbsent(found)
    else { return nil }
    return found
  }

  private static func id(_ document: Document) -> String {
    "D" + Format.padded(String(document.number), 7)
  }

  private static let missing = failure(404, "not_found", "There is no such document.")

  private static func failure(_ status: Int, _ code: String, _ message: String) -> Route {
    let error: JSONObject = ["code": .string(code), "message": .string(message)]
    return .page(answer(["error": .object(error)], status: status), nil)
  }

  private static func answer(_ object: JSONObject, status: Int = 200) -> Response {
    Response(status, "application/json", body: JSON.object(object).serialized()[...])
  }
}
