/// All documents, and the ways to find them. Immutable once made.
struct Catalogue: Sendable {
  /// More would not fit into the pages that the books have.
  static let maximumCount = 1_000_000

  private struct Place: Hashable {
    let book: Int
    let page: Int
  }

  let documents: [Document]
  private let seed: Int
  private let absent: Double
  private let broken: Double
  private var byInstrument: [Int: Int] = [:]
  private var byPlace: [Place: Int] = [:]

  /// `absent` and `broken` are shares of 0 to 1.
  init(count: Int, seed: Int, absent: Double = 0, broken: Double = 0, isBulk: Bool = false) {
    var maker = DocumentMaker(seed: seed, isBulk: isBulk)
    self.init(
      (0..<count).map { maker.make($0 + 1) }, seed: seed, absent: absent, broken: broken)
  }

  /// Documents with the numbers from 1 on. Of several with one place or instrument number, the last is
  /// found by it.
  init(_ documents: [Document], seed: Int, absent: Double = 0, broken: Double = 0) {
    self.documents = documents
    self.seed = seed
    self.absent = absent
    self.broken = broken
    for document in documents {
      if let instrument = document.instrument { byInstrument[instrument] = document.number }
      // The portal knows the page of the index, too: it finds older documents by either.
      for page in [document.indexPage, document.page] {
        byPlace[Place(book: document.book, page: page)] = document.number
      }
    }
  }

  func document(_ number: Int) -> Document? {
    number >= 1 && number <= documents.count ? documents[number - 1] : nil
  }

  func document(instrument: Int) -> Document? { byInstrument[instrument].flatMap { document($0) } }

  func document(book: Int, page: Int) -> Document? {
    byPlace[Place(book: book, page: page)].flatMap { document($0) }
  }

  /// Whether the index has the document and the portal never does.
  func isAbsent(_ document: Document) -> Bool { draw(.absent, document, absent) }

  /// Whether there is always an HTML page in place of the scan.
  func isBroken(_ document: Document) -> Bool { draw(.broken, document, broken) }

  /// Whether the look-up answers with the PDF straight away.
  func isDirect(_ document: Document) -> Bool {
    // As all older books do in life.
    !isBroken(document) && (document.source == .historical || draw(.direct, document, 0.02))
  }

  private func draw(_ purpose: SeededRandom.Purpose, _ document: Document, _ share: Double) -> Bool
  {
    var random = SeededRandom(seed: seed, purpose, document.number)
    return random.chance(share)
  }
}
