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

/// A type of document, as the recording system exports it.
struct InstrumentType: Sendable, Equatable {
  /// The text before ` - `, cut at 20 characters: `ASSIGN OIL GAS  MIN`.
  let parsed: String

  /// As exported, with the book type and the book: `DEED OF TRUST - [DOT 3972]`.
  func raw(book: Int) -> String {
    parsed.hasPrefix("-") ? parsed : "\(parsed) - [\(abbreviation) \(book)]"
  }

  /// The normalised type: `MINERAL_DEED`.
  var normalised: String {
    parsed.uppercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: "_")
  }

  /// The kind of book that the portal names in its table: T for trust books, W for all others.
  var bookType: String { parsed.contains("TRUST") || parsed.contains("\"T\"") ? "T" : "W" }

  private var abbreviation: String {
    let words = parsed.split { !$0.isLetter }
    return words.count == 1 ? String(words[0].prefix(5)) : String(words.compactMap(\.first))
  }
}

extension InstrumentType {
  static let deedOfTrust = InstrumentType(parsed: "DEED OF TRUST")

  /// The 56 types of the stage `stage-mid-filtered`, the most frequent one first.
  static let downloaded = [
    "DEED", "LEASE ASSIGNMENT", "RIGHT OF WAY", "EASEMENT", "TRUSTEES DEED", "TAX DEED",
    "Transfer on Death Deed", "DEED RESTRICTIONS", "TRUST AGREEMENT", "HEIRSHIP",
    "LAST WILL AND TESTAM", "LIVING WILL", "AGREEMENT", "AGREEMENT-DEEDS", "CONTRACT TO SELL",
    "OPTION", "PROTECTIVE COVENANT", "AMENDED PROTECTIVE C", "PROTECTIVE COV TERMI",
    "MINERAL DEED", "ROYALTY DEED", "ASSIGN OIL GAS  MIN", "MINERAL RIGHT  ROYA",
    "ASSIGNMENT OF LEASES", "LEASE CONTRACT", "AMENDMENT TO LEASE", "NOTICE TO RENEW LEAS",
    "SUBDIVISION PLATS", "PLAT FILED", "CORRECTION OF PLAT", "MAP", "SURVEYS",
    "JUDGMENT OR ORDER", "EMINENT DOMAIN", "SEALED", "DECLARATION", "AMENDED DECLARATION",
    "SUPPLEMENT", "SUPPLEMENT TO COVENA", "DECLARATION OF ROAD", "ARCHITECTURAL REVIEW",
    "ENVIRONMENTAL PROTEC", "AFFIDAVIT \"T\"", "PATENT", "WAIVER", "CERT OF SALESEIZED",
    "RECEIVER", "AMENDMENT(T)", "AMENDMENT(W)", "MISCELLANEOUS", "MISCELLANEOUS \"T\"",
    "MISCELLANEOUS \"C\"", "REVOCATION  CANCELL", "RECISSION OF FORECLO",
    "VOID LEASES 16TH SEC", "- [DEED 90W]",
  ].map(InstrumentType.init)

  /// Types that no stage asks for by name.
  static let others = [
    "ASSIGNMENT", "CANCELLATION", "LIEN", "LIS PENDENS", "PARTIAL RELEASE", "POWER OF ATTORNEY",
    "SUBORDINATION", "SUBSTITUTED TRUSTEE",
  ].map(InstrumentType.init)

  /// DEED for more than half, as in the county's books; each of the others now and then.
  static func draw(_ random: inout SeededRandom) -> InstrumentType {
    random.chance(0.55) ? downloaded[0] : random.pick(downloaded)
  }
}

/// A cache that forgets what was not used lately, bounded in bytes.
///
/// It keeps two generations. What is used moves to the younger one; when that has half of the
/// bytes, the older one is dropped and the younger takes its place.
struct Generations<Key: Hashable, Value> {
  private let limit: Int
  private var young: [Key: Value] = [:]
  private var old: [Key: Value] = [:]
  private var youngBytes = 0
  private let size: (Value) -> Int

  /// Keeps values of at most `limit` bytes in all.
  init(limit: Int, size: @escaping (Value) -> Int) {
    self.limit = limit
    self.size = size
  }

  /// The value, which then counts as used.
  mutating func use(_ key: Key) -> Value? {
    if let value = young[key] { return value }
    guard let value = old.removeValue(forKey: key) else { return nil }
    keep(value, for: key)
    return value
  }

  /// Adds a value, unless it is too large to be kept with others.
  mutating func keep(_ value: Value, for key: Key) {
    let bytes = size(value)
    guard bytes <= limit / 2, young[key] == nil else { return }
    if youngBytes + bytes > limit / 2 {
      old = young
      young = [:]
      youngBytes = 0
    }
    young[key] = value
    youngBytes += bytes
  }
}
