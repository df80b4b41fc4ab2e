import Common

/// Invents the documents, one after the other, so that the index comes out the same for a seed.
struct DocumentMaker {
  private let seed: Int
  /// Benchmarks serve documents of one page with one scan.
  private let isBulk: Bool
  /// Books and pages that are taken: by rows of the index, and by documents of the portal.
  private var taken: Set<Int> = []

  init(seed: Int, isBulk: Bool) {
    self.seed = seed
    self.isBulk = isBulk
  }

  mutating func make(_ number: Int) -> Document {
    var random = SeededRandom(seed: seed, .index, number)
    let lot = random.unit()
    let isHistorical = (0.90..<0.97).contains(lot)
    let type: InstrumentType =
      switch lot {
      case ..<0.80, 0.90..<0.97: .draw(&random)
      case ..<0.90: .deedOfTrust
      default: random.pick(InstrumentType.others)
      }
    let place = place(&random, isHistorical: isHistorical)
    let pageCount = isBulk ? 1 : random.pick([1, 1, 1, 2, 2, 2, 3, 3, 4, 5])
    let hasSeveralImages = random.chance(0.15) && pageCount > 1
    return Document(
      number: number,
      // Instrument numbers came later than the historical books.
      instrument: isHistorical || random.chance(0.05) ? nil : 200_000 + number * 3 + number % 2,
      book: place.book, indexPage: place.indexPage, page: place.page, type: type,
      isTyped: !random.chance(0.04), fileDate: fileDate(&random, book: place.book),
      pageCount: pageCount, indexPageCount: random.chance(0.1) ? nil : pageCount,
      imageCount: hasSeveralImages ? min(pageCount, random.number(2...3)) : 1,
      grantor: Parties.draw(&random), grantee: Parties.draw(&random),
      priority: random.pick([1, 1, 2, 2, 2, 3, 3, 3, 3, 4]))
  }

  /// A book and page that nobody has yet. The books of the first stages are drawn more often than
  /// they are in life, so that a small sample has something for each stage.
  private mutating func place(
    _ random: inout SeededRandom, isHistorical: Bool
  ) -> (book: Int, indexPage: Int, page: Int) {
    let isPadded = !isHistorical && random.chance(0.06)
    var tries = 0
    while true {
      let book = isHistorical ? historicalBook(&random) : midBook(&random, isEven: tries > 8)
      let page = random.number(isPadded ? 10...999 : 1...(tries > 8 ? 9999 : 900))
      let indexPage = isPadded ? page * 10 : page
      let keys: Set = [book * 10_000 + page, book * 10_000 + indexPage]
      if taken.isDisjoint(with: keys) {
        taken.formUnion(keys)
        return (book, indexPage, page)
      }
      tries += 1
    }
  }

  private func historicalBook(_ random: inout SeededRandom) -> Int {
    random.chance(0.5) ? random.number(1...49) : random.number(50...(Document.firstMidBook - 1))
  }

  private func midBook(_ random: inout SeededRandom, isEven: Bool) -> Int {
    let lot = isEven ? 1 : random.unit()
    return switch lot {
    case ..<0.25: random.number(Document.firstMidBook...299)
    case ..<0.60: random.number(300...999)
    case ..<1: random.number(1000...Document.lastMidBook)
    default: random.number(Document.firstMidBook...Document.lastMidBook)
    }
  }

  /// Books were filled one after the other.
  private func fileDate(_ random: inout SeededRandom, book: Int) -> String {
    let year =
      book < Document.firstMidBook
      ? 1828 + book / 3
      : 1920 + (book - Document.firstMidBook) * 100 / (Document.lastMidBook + 1)
    let month = Format.padded(String(random.number(1...12)), 2)
    return "\(year)-\(month)-\(Format.padded(String(random.number(1...28)), 2))"
  }
}
