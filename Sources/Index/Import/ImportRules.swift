import Common

/// How texts of an imported file are read, where they do not say it themselves.
package struct ImportRules: Sendable {
  /// Texts that stand for nothing; `nil` for those that exports usually write.
  package var nulls: Set<String>?
  package var dates = DateReader()

  package init() {}

  /// What databases, pandas and Excel write for nothing, in lower case, where no such text can be
  /// meant.
  private static let usual: Set<String> = [
    "\\n", "null", "nil", "(null)", "<null>", "nan", "<na>", "nat", "none", "na", "n/a", "#n/a",
    "-",
    "--", "?",
  ]
  /// The same in columns of text: `None` or `N/A` may be text.
  private static let ofTexts: Set<String> = [
    "\\N", "NULL", "(null)", "<NULL>", "NaN", "nan", "<NA>", "#N/A",
  ]

  /// Whether a text stands for nothing.
  func isNull(_ text: String, isText: Bool) -> Bool {
    if text.isEmpty { return true }
    if let nulls { return nulls.contains(text) }
    return isText ? Self.ofTexts.contains(text) : Self.usual.contains(text.lowercased())
  }
}

/// Whole numbers as spreadsheets and statistics programs write them.
enum WholeNumber {
  /// `62379`, `62379.0`, `62,379`, `6.2379E4`, `'0055`. `nil` for what is none, and for what was
  /// rounded: `6.2E4` may have been 62,379.
  static func read(_ text: String) -> Int? {
    var text = text.trimmed
    if text.hasPrefix("'") { text.removeFirst() }
    let sign = text.hasPrefix("-") ? "-" : ""
    if text.hasPrefix("-") || text.hasPrefix("+") { text.removeFirst() }
    guard let first = text.utf8.first, isDigit(first) else { return nil }
    let parts = text.split(omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
    guard parts.count <= 2, let digits = digits(parts[0], parts.count == 2 ? parts[1] : "0") else {
      return nil
    }
    return Int(sign + digits)
  }

  /// The digits of `mantissa` times ten to the power of `exponent`, where all of them are written.
  private static func digits(_ mantissa: Substring, _ exponent: Substring) -> String? {
    guard let exponent = Int(exponent.hasPrefix("+") ? exponent.dropFirst() : exponent),
      (0...18).contains(exponent)
    else { return nil }
    let parts = mantissa.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let whole = ungrouped(parts[0]) else { return nil }
    let decimals = parts.count == 2 ? parts[1] : ""
    guard decimals.utf8.allSatisfy(isDigit), decimals.utf8.count >= exponent,
      decimals.dropFirst(exponent).allSatisfy({ $0 == "0" })
    else { return nil }
    return whole + decimals.prefix(exponent)
  }

  /// Without what stands between groups of three digits: a comma or a blank.
  private static func ungrouped(_ text: Substring) -> String? {
    if text.utf8.allSatisfy(isDigit) { return String(text) }
    let groups = text.split(omittingEmptySubsequences: false) { ", \u{A0}\u{202F}".contains($0) }
    guard (1...3).contains(groups.first?.utf8.count ?? 0),
      groups.dropFirst().allSatisfy({ $0.utf8.count == 3 }),
      groups.allSatisfy({ $0.utf8.allSatisfy(isDigit) })
    else { return nil }
    return groups.joined()
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

/// A row to be imported: the columns that are known, by name.
package struct ImportedRow: Sendable {
  /// Column names from ``ImportedColumns`` and their values; `nil` for null.
  package var values: [String: String?]

  /// A row.
  package init(_ values: [String: String?]) { self.values = values }
}

/// Why a row cannot be imported, in one line for people.
package struct ImportProblem: Error, Sendable, Equatable, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}

extension ImportedRow {
  /// A value that the index can do without, and that could not be read: it is left out.
  struct Unreadable: Equatable {
    let column: String
    let text: String
  }

  /// A row of texts, without what could not be read and can be done without. Throws what is wrong.
  package init(checking texts: [String: String]) throws(ImportProblem) {
    self = try Self.checking(texts).row
  }

  /// A row of texts as they were found, by column; throws what is wrong with it. An empty text is
  /// null. Only what identifies a document refuses its row: another value that cannot be read is left
  /// out and reported. The parsed type follows from the raw one where it is missing.
  static func checking(
    _ texts: [String: String], _ rules: ImportRules = ImportRules()
  ) throws(ImportProblem) -> (row: ImportedRow, unreadable: [Unreadable]) {
    var values: [String: String?] = [:]
    var unreadable: [Unreadable] = []
    values.reserveCapacity(texts.count + 1)
    for (name, text) in texts where !text.isEmpty {
      do throws(ImportProblem) {
        if let value = try ImportedColumns.clean(text, name, rules) { values[name] = value }
      } catch {
        guard !ImportedColumns.identifying.contains(name) else { throw error }
        unreadable.append(Unreadable(column: name, text: text))
      }
    }
    for name in ImportedColumns.required where values[name] == nil {
      throw ImportProblem("\(name) is missing")
    }
    if values["instrument_type_parsed"] == nil, let raw = values["instrument_type_raw"] ?? nil {
      values["instrument_type_parsed"] = ImportedColumns.parsedType(raw)
    }
    return (ImportedRow(values), unreadable)
  }
}
