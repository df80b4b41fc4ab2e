/// Why a row cannot be imported, in one line for people.
public struct ImportProblem: Error, Sendable, Equatable, CustomStringConvertible {
  /// The line.
  public let description: String

  init(_ description: String) { self.description = description }
}

extension ImportedRow {
  /// A row of texts as they were found, by column; throws what is wrong with it. An empty text is
  /// null. The parsed type follows from the raw one where it is missing.
  public init(checking texts: [String: String]) throws(ImportProblem) {
    var values: [String: String?] = [:]
    values.reserveCapacity(texts.count + 1)
    for (name, text) in texts where !text.isEmpty {
      values[name] = try ImportedColumns.clean(text, name)
    }
    for name in ImportedColumns.required where values[name] == nil {
      throw ImportProblem("\(name) is missing")
    }
    if values["instrument_type_parsed"] == nil, let raw = values["instrument_type_raw"] ?? nil {
      values["instrument_type_parsed"] = ImportedColumns.parsedType(raw)
    }
    self.init(values)
  }
}
