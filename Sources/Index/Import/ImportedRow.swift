/// A row to be imported: the columns that are known, by name.
import Common
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
