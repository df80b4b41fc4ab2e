import Common

/// What was noticed while a file was imported, besides its rows and the refused ones: nothing is
/// passed over without a count.
package struct ImportNotes: Sendable, Equatable {
  /// Values that could not be read and were left out, of one column.
  struct LeftOut: Sendable, Equatable {
    var count = 0
    let line: Int
    let text: String
  }

  var leftOut: [String: LeftOut] = [:]
  /// Lines that name the columns once more.
  var repeatedHeaders = 0
  /// Rows without any value.
  var blankRows = 0
  var comments = 0
  /// Rows with fewer fields than the header.
  var shortRows = 0
  /// Lines that were read as Windows-1252, because they are not UTF-8.
  var recodedLines = 0
  /// Days that could be read only with the day first, where the month was taken to be.
  var contradictingDays = 0

  mutating func leftOut(_ values: [ImportedRow.Unreadable], line: Int) {
    for value in values {
      leftOut[value.column, default: LeftOut(line: line, text: value.text)].count += 1
    }
  }

  /// One text for people, to be put behind the counts of rows; empty where nothing was noticed.
  package var text: String {
    var parts: [String] = []
    let total = leftOut.values.reduce(0) { $0 + $1.count }
    if total > 0 {
      let columns = leftOut.sorted { $0.key < $1.key }.map { name, values in
        "\(name) \(values.count) (first on line \(values.line): \(Format.quoted(values.text, limit: 40)))"
      }
      parts.append(
        "\(Self.counted(total, "value")) that could not be read were left empty: "
          + columns.joined(separator: ", "))
    }
    if contradictingDays > 0 {
      parts.append(
        "\(Self.counted(contradictingDays, "day")) with the day first where the month was taken to be "
          + "first: check --date-format dmy")
    }
    if shortRows > 0 {
      parts.append("\(Self.counted(shortRows, "row")) with fewer fields were filled up")
    }
    if recodedLines > 0 {
      parts.append("\(Self.counted(recodedLines, "line")) read as Windows-1252")
    }
    if repeatedHeaders > 0 {
      parts.append("\(Self.counted(repeatedHeaders, "repeated header")) passed over")
    }
    if blankRows > 0 { parts.append("\(Self.counted(blankRows, "blank row")) passed over") }
    if comments > 0 { parts.append("\(Self.counted(comments, "comment")) passed over") }
    return parts.joined(separator: "; ")
  }

  private static func counted(_ count: Int, _ noun: String) -> String {
    "\(Format.count(count)) \(noun)\(count == 1 ? "" : "s")"
  }
}

/// Makes rows of texts by the rules, and notes what they lack.
struct ImportChecker {
  var rules: ImportRules
  var notes = ImportNotes()

  init(_ rules: ImportRules) { self.rules = rules }

  /// A row, or why there is none.
  mutating func item(_ texts: [String: String], _ line: Int) -> ImportReader.Item {
    do throws(ImportProblem) {
      let (row, unreadable) = try ImportedRow.checking(texts, rules)
      notes.leftOut(unreadable, line: line)
      if !rules.dates.isGiven, rules.dates.order == .monthFirst {
        notes.contradictingDays += unreadable.count {
          ImportedColumns.isDate($0.column) && DateReader.isDayFirst($0.text)
        }
      }
      return .row(row, line: line)
    } catch {
      return .refused(line: line, reason: error.description)
    }
  }
}
