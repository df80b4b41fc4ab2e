import Common
import Glibc
import Index

/// The user's own rows in place of invented ones: `--index FILE`.
struct OwnIndex {
  /// Pages of a document that are drawn at most.
  static let mostPages = 50

  private let path: String
  private let seed: Int
  private(set) var documents: [Document] = []
  /// Rows without what a document needs, and the first reason.
  private(set) var refused: (count: Int, reason: String) = (0, "")

  /// Reads a file as `enqueue import` does (CSV, TSV, JSON lines, packed or not), or an index in
  /// SQLite. Throws where it cannot be read, or has more rows than the portal can have documents.
  init(path: String, seed: Int) throws {
    self.path = path
    self.seed = seed
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Fatal(.inputOutput, "cannot read \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var start = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &start, start.count, 0)
    if StoredDocuments.isDatabase(start.prefix(max(0, count))) {
      try StoredDocuments.each(inSQLite: path) { try take($0) }
    } else {
      try readRows(descriptor)
    }
    guard !documents.isEmpty else {
      throw Fatal(
        .configuration,
        "\(path) has no documents"
          + (refused.count == 0 ? "" : ": \(refused.reason) (docs/index.md lists the columns)"))
    }
  }

  private mutating func readRows(_ descriptor: Int32) throws {
    let (_, damage) = try withUnpacked(descriptor, stop: ShutdownSignal()) { plain in
      var options = ImportReader.Options()
      options.ignoresUnknown = true
      var reader = try ImportReader(descriptor: plain, named: path, options)
      while let item = try reader.next() {
        switch item {
        case .row(let row, _): try take(.success(row))
        case .refused(let line, let reason): refuse("line \(line): \(reason)")
        }
      }
    }
    if let damage { throw damage }
  }

  private mutating func take(_ row: Result<ImportedRow, ImportProblem>) throws(Fatal) {
    switch row {
    case .failure(let problem): refuse(problem.description)
    case .success(let row):
      guard documents.count < Catalogue.maximumCount else {
        throw Fatal(
          .configuration,
          "\(path) has more than \(Format.count(Catalogue.maximumCount)) rows, which is the limit")
      }
      if let document = Document(row, number: documents.count + 1, seed: seed) {
        documents.append(document)
      } else {
        refuse("book and page are missing")
      }
    }
  }

  private mutating func refuse(_ reason: String) {
    refused = (refused.count + 1, refused.count == 0 ? reason : refused.reason)
  }
}

extension Document {
  /// The document of a row; what the row does not say is drawn. `nil` without book and page.
  init?(_ row: ImportedRow, number: Int, seed: Int) {
    func text(_ name: String) -> String? { row.values[name] ?? nil }
    func integer(_ name: String) -> Int? { text(name).flatMap { Int($0) } }
    guard let book = integer("book"), let page = integer("page") else { return nil }
    var random = SeededRandom(seed: seed, .index, number)
    let pages = integer("num_pages").map { max(1, min(OwnIndex.mostPages, $0)) }
    let pageCount = pages ?? random.pick([1, 1, 1, 2, 2, 2, 3, 3, 4, 5])
    self.init(
      number: number, instrument: integer("instrument_number"), book: book, indexPage: page,
      page: page, type: InstrumentType(parsed: text("instrument_type_parsed") ?? "UNKNOWN"),
      isTyped: text("document_type") != nil, fileDate: text("file_date") ?? "1951-03-04",
      pageCount: pageCount, indexPageCount: integer("num_pages"),
      imageCount: random.chance(0.15) ? min(pageCount, random.number(2...3)) : 1,
      grantor: text("grantor_party") ?? Parties.draw(&random),
      grantee: text("grantee_party") ?? Parties.draw(&random),
      priority: integer("download_priority") ?? 3)
  }
}

/// The sample index as text: the columns of the table `index_documents` that importers fill.
struct IndexPrinter {
  enum Layout: String, Sendable, CaseIterable { case csv, jsonl }

  let layout: Layout

  /// The first line, if the layout has one.
  var header: String? {
    layout == .csv ? columns(of: nil).map(\.name).joined(separator: ",") : nil
  }

  /// One row, without a line end.
  func line(_ document: Document) -> String {
    let columns = columns(of: document)
    switch layout {
    case .csv: return columns.map { quoted($0.value.text ?? "") }.joined(separator: ",")
    case .jsonl:
      var object = JSONObject()
      for (name, value) in columns { object[name] = value }
      return JSON.object(object).description
    }
  }

  /// Names and values, in the order of the table; with `nil`, only the names count.
  private func columns(of document: Document?) -> [(name: String, value: JSON)] {
    func number(_ value: Int?) -> JSON { value.map(JSON.int) ?? .null }
    func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
    let type = document?.type
    return [
      ("source", text(document?.source.rawValue)),
      ("gin", number(document?.gin)),
      ("instrument_number", number(document?.instrument)),
      ("book_volume", text(document.map { String($0.book) })),
      ("book", number(document?.book)),
      ("page", number(document?.indexPage)),
      ("instrument_type_raw", text(document.map { $0.type.raw(book: $0.book) })),
      ("instrument_type_parsed", text(type?.parsed)),
      ("document_type", text(document?.isTyped == true ? type?.normalised : nil)),
      ("file_date", text(document?.fileDate)),
      ("num_pages", number(document?.indexPageCount)),
      ("grantor_party", text(document?.grantor)),
      ("grantee_party", text(document?.grantee)),
      ("download_priority", number(document?.priority)),
    ]
  }

  /// A field by RFC 4180, section 2.
  private func quoted(_ field: String) -> String {
    guard field.contains(where: { "\",\r\n".contains($0) }) else { return field }
    return "\""
      + field.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}
