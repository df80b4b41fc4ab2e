/// One recorded document: what the index says of it, and what the portal has.
struct Document: Sendable, Equatable {
  enum Source: String, Sendable {
    case historical = "Historical"
    case duProcess = "DuProcess"
  }

  /// The first book of the second portal; those below are historical.
  static let firstMidBook = 238
  /// The last book of the second portal.
  static let lastMidBook = 3971

  /// From 1.
  let number: Int
  let instrument: Int?
  let book: Int
  /// The page of the index.
  let indexPage: Int
  /// The page where the portal has it: in older rows of the index a zero was added.
  let page: Int
  let type: InstrumentType
  /// Whether the index has a normalised type.
  let isTyped: Bool
  /// `YYYY-MM-DD`.
  let fileDate: String
  let pageCount: Int
  /// The number of pages in the index.
  let indexPageCount: Int?
  /// Number of scans, at most one for each page.
  let imageCount: Int
  let grantor: String
  let grantee: String
  let priority: Int

  var source: Source { book < Self.firstMidBook ? .historical : .duProcess }
  var gin: Int? { source == .duProcess ? 500_000 + number : nil }
  var allPages: ClosedRange<Int> { 1...pageCount }
}

extension Document {
  /// The portal's number for a scan (from 0) of this document.
  func image(_ scan: Int) -> Int { 100_000 + number * 4 + scan }

  /// The document's number and the scan that the portal's number stands for.
  static func parts(ofImage image: Int) -> (number: Int, scan: Int)? {
    guard image > 100_000, image < 1 << 40 else { return nil }
    return ((image - 100_000) / 4, (image - 100_000) % 4)
  }

  /// The pages of a scan: all scans together, in order, are the document.
  func pages(ofScan scan: Int) -> ClosedRange<Int>? {
    guard (0..<imageCount).contains(scan) else { return nil }
    return (pageCount * scan / imageCount + 1)...(pageCount * (scan + 1) / imageCount)
  }
}
