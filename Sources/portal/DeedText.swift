import Common

/// What is written on a page.
struct DeedText {
  /// Characters on a line of the body: as many fit on a page if all are capitals.
  static let width = 50
  /// Lines of the body that fit below the head.
  static let height = 30

  /// Names the document, so that a page can be told apart by eye and by character recognition.
  let head: [String]
  let title: String
  let body: [String]

  init(_ document: Document, page: Int, seed: Int) {
    var random = SeededRandom(seed: seed, .text, document.number * 8 + page)
    let instrument = document.instrument.map { "INSTRUMENT \($0)" } ?? "NO INSTRUMENT NUMBER"
    head = [
      "BOOK \(document.book)  PAGE \(document.page)   \(instrument)",
      "FILED \(document.fileDate)   SHEET \(page) OF \(document.pageCount)",
    ]
    let name = Self.drawable(document.type.parsed)
    title = page == 1 ? name : "\(name) (\(page))"
    var text =
      page == 1
      ? "THIS INSTRUMENT made by and between \(Self.drawable(document.grantor)), Grantor, and "
        + "\(Self.drawable(document.grantee)), Grantee, WITNESSETH: " : ""
    while text.count < Self.width * random.number(18...28) {
      text += random.pick(Self.phrases) + " "
    }
    body = Array(Self.wrapped(text, Self.width).prefix(Self.height))
  }

  /// The font has ASCII alone.
  private static func drawable(_ text: String) -> String {
    String(text.prefix(200).map { $0.isASCII && !$0.isNewline && $0 >= " " ? $0 : "?" })
  }

  /// Breaks a text at its blanks into lines of at most `width` characters; longer words stand alone.
  static func wrapped(_ text: String, _ width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }

  private static let phrases = [
    "For and in consideration of the sum of Ten Dollars ($10.00), cash in hand paid, the receipt "
      + "of which is hereby acknowledged,",
    "the undersigned does hereby sell, convey and warrant unto the grantee named above",
    "the following described land and property lying in Sample County, to-wit:",
    "Beginning at an iron pin on the north line of Section 14, run thence South 89 degrees East "
      + "for 412.7 feet;",
    "thence North 01 degrees 15 minutes West along an old fence row for 1,320 feet, more or less;",
    "the Southeast Quarter of the Northwest Quarter, less and except three acres in the corner;",
    "subject to all easements, rights of way and mineral reservations of record;",
    "it being the intention to convey all lands owned by the grantor in said section.",
    "Taxes for the current year are to be prorated as of this date.",
    "The grantor reserves one half of all oil, gas and other minerals in, on and under the land.",
    "Witness my signature on the day and year first above written.",
    "Personally appeared before me, the undersigned authority, the above named parties,",
    "who acknowledged that they signed and delivered the foregoing instrument as their own act.",
  ]
}

/// Names of people and companies that never were, with the commas, quotes and ampersands of real
/// ones.
enum Parties {
  private static let surnames = [
    "ABERNATHY", "BAXLEY", "CALDWELL", "DELOACH", "EASTERLING", "FORTENBERRY", "GADDIS",
    "HOLLIMAN", "IRBY", "JOHNSON", "KILLINGSWORTH", "LUCKETT", "MC NEIL", "O'NEAL",
    "PENNINGTON", "QUINN", "RATLIFF", "ST. JOHN", "THIGPEN", "UPSHAW", "VARNADO", "WHITTINGTON",
  ]
  private static let givenNames = [
    "ADA", "BOYD", "CORA", "DELMAR", "ESTELLE", "FLOYD", "GENEVA", "HOLLIS", "INEZ", "JESSE",
    "LEOLA", "MARVIN", "NETTIE", "OTIS", "PEARL", "ROSCOE", "VELMA", "WILLIE B",
  ]
  private static let companies = [
    "FARMERS & MERCHANTS BANK", "BIG BLACK TIMBER CO", "PEARL RIVER LAND & CATTLE LLC",
    "\"OLD DEPOT\" PARTNERS LP", "RESERVOIR HOMES, INC", "NATCHEZ TRACE OIL & GAS",
  ]

  static func draw(_ random: inout SeededRandom) -> String {
    if random.chance(0.12) { return random.pick(companies) }
    let name = "\(random.pick(surnames)), \(random.pick(givenNames))"
    return random.chance(0.2) ? "\(name) & \(random.pick(givenNames))" : name
  }
}
