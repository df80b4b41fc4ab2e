import Common

/// The columns that an import may fill, and what their texts have to look like.
package enum ImportedColumns {
  /// A column.
  struct Column: Sendable {
    let name: String
    let kind: Kind
    /// Stands in for null, where the table has a default.
    var fallback: String?

    init(_ name: String, _ kind: Kind, or fallback: String? = nil) {
      self.name = name
      self.kind = kind
      self.fallback = fallback
    }
  }

  enum Kind: Sendable, Equatable {
    case text
    case integer(ClosedRange<Int>)
    case boolean
    case day
    case time
    case status
  }

  /// PostgreSQL's `integer` from 1 on.
  private static let positive = Kind.integer(1...Int(Int32.max))
  private static let any = Kind.integer(Int.min...Int.max)

  static let all: [Column] =
    [
      Column("source", .text), Column("source_file", .text), Column("import_date", .text),
      Column("gin", any), Column("instrument_number", any), Column("book_volume", .text),
      Column("book", positive), Column("page", positive), Column("instrument_type_raw", .text),
      Column("instrument_type_parsed", .text), Column("document_type", .text),
      Column("file_date", .day), Column("num_pages", .integer(0...Int(Int32.max))),
      Column("download_status", .status, or: DocumentStatus.pending.word),
      Column("download_priority", .integer(1...4), or: "3"),
      Column("download_attempts", .integer(0...Int(Int32.max)), or: "0"),
      Column("downloaded_at", .time), Column("download_error", .text), Column("gcs_path", .text),
      Column("actual_book", any), Column("actual_page", any),
      Column("book_page_mismatch", .boolean, or: "0"),
    ]
    + [
      "grantor_party", "grantee_party", "description", "legals", "sub_div", "lot", "sec", "town",
      "rng",
    ].map { Column($0, .text) }

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// Without these there is no document.
  static let required = ["source", "book", "page"]

  /// What says which document a row is about: a row in which one of these cannot be read is refused.
  static let identifying: Set<String> = ["source", "book", "page", "instrument_number"]

  /// Columns of an exported table that are passed over: the index sets them itself.
  static let passedOver: Set<String> = [
    "id", "created_at", "updated_at", "lease_token", "lease_owner", "lease_expires_at",
    "next_attempt_at", "content_sha256", "content_md5", "content_bytes", "original_bytes",
    "error_class", "optimize_outcome", "optimize_reason", "optimize_rejected_bytes", "retrying",
    "lost_leases", "last_lease_token", "attempt", "lease",
  ]

  /// What a name in a header stands for.
  enum Meaning: Equatable {
    case column(String)
    case passedOver
    case unknown
  }

  /// Reads a name as people write it: `Instrument Type Raw` is `instrument_type_raw`.
  static func meaning(of name: String) -> Meaning {
    let folded = folded(name)
    // What the recording system's export calls it.
    if folded == "instrument_type" { return .column("instrument_type_raw") }
    if byName[folded] != nil { return .column(folded) }
    // pandas' index, and columns of a sheet that were never used.
    if folded.isEmpty || folded.hasPrefix("unnamed:") { return .passedOver }
    return passedOver.contains(folded) ? .passedOver : .unknown
  }

  /// Whether the index has a column of exactly this name that can be imported.
  static func isKnown(_ name: String) -> Bool { byName[name] != nil }

  /// A name as it is compared.
  static func folded(_ name: String) -> String {
    String(name.trimmed.lowercased().map { " -\u{A0}".contains($0) ? "_" : $0 })
  }

  /// The text as the index keeps it; `nil` for what stands for nothing. Throws what was expected.
  static func clean(
    _ text: String, _ name: String, _ rules: ImportRules = ImportRules()
  ) throws(ImportProblem) -> String? {
    guard let kind = byName[name]?.kind else { throw ImportProblem("unknown column \(name)") }
    func wrong(_ expected: String) -> ImportProblem {
      ImportProblem("\(name) must be \(expected), not \(Format.quoted(text))")
    }
    let value = unwrapped(text, name)
    // A book that is "none" is no missing one, but one that cannot be read.
    let isText = kind == .text || required.contains(name)
    if rules.isNull(value, isText: isText) { return nil }
    switch kind {
    case .text:
      guard !value.utf8.contains(0) else { throw wrong("text without NUL") }
      return value
    case .integer(let range):
      guard let number = WholeNumber.read(value), range.contains(number) else {
        throw wrong(expected(range))
      }
      return String(number)
    case .boolean:
      switch value.lowercased() {
      case "t", "true", "1", "1.0", "yes", "y": return "1"
      case "f", "false", "0", "0.0", "no", "n": return "0"
      default: throw wrong("true or false")
      }
    case .day:
      guard let day = rules.dates.day(value) else {
        throw wrong("a day like 1951-03-04 or 3/4/1951")
      }
      return day.description
    case .time:
      guard let time = rules.dates.time(value) else {
        throw wrong("a time like 2026-11-23 18:30:35")
      }
      return time
    case .status:
      let status = DocumentStatus(value.lowercased())
      switch status {
      // No run of this index holds it.
      case .inProgress: return DocumentStatus.pending.word
      case .pending, .completed, .failed, .skipped: return status.word
      case .other: throw wrong("pending, in_progress, completed, failed or skipped")
      }
    }
  }

  /// Without the blanks that pad a column and without `="0055"`, by which Excel is kept from taking a
  /// text for a number. A type keeps its blanks, because stages name types exactly.
  private static func unwrapped(_ text: String, _ name: String) -> String {
    if name.hasPrefix("instrument_type") { return text }
    let text = text.trimmed
    guard text.hasPrefix("=\""), text.hasSuffix("\""), text.utf8.count > 2 else { return text }
    return String(text.dropFirst(2).dropLast())
  }

  /// Whether it holds days or times.
  static func isDate(_ name: String) -> Bool {
    byName[name]?.kind == .day || byName[name]?.kind == .time
  }

  private static func expected(_ range: ClosedRange<Int>) -> String {
    switch range {
    case Int.min...Int.max: "a whole number"
    case _ where range.upperBound == Int(Int32.max): "a whole number from \(range.lowerBound)"
    default: "a whole number from \(range.lowerBound) to \(range.upperBound)"
    }
  }

  /// The type in what the recording system exports: the text before the first ` - `, or all of it
  /// where there is none: `DEED OF TRUST - [DOT 3972]`, `- [DEED 90W]`. Double blanks are kept.
  static func parsedType(_ raw: String) -> String {
    let bytes = Array(raw.utf8)
    guard bytes.count > 3 else { return raw }
    for start in 1...bytes.count - 3
    where bytes[start] == 0x20 && bytes[start + 1] == UInt8(ascii: "-") && bytes[start + 2] == 0x20
    {
      return String(decoding: bytes[..<start], as: UTF8.self)
    }
    return raw
  }
}

extension String {
  /// Without blanks, tabs and no-break spaces at its ends.
  var trimmed: String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\u{A0}" }
    guard first.map(isBlank) == true || last.map(isBlank) == true else { return self }
    let start = drop(while: isBlank)
    let end = start.lastIndex { !isBlank($0) }
    return String(start[..<(end.map { start.index(after: $0) } ?? start.startIndex)])
  }
}
