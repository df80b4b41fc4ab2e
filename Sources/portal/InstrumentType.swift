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
  static func draw(_ dice: inout Dice) -> InstrumentType {
    dice.chance(0.55) ? downloaded[0] : dice.pick(downloaded)
  }
}
