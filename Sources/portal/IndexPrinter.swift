import Common

/// The sample index as text: the columns of the table `index_documents` that importers fill.
struct IndexPrinter {
  enum Layout: String, Sendable, CaseIterable { case csv, jsonl }

  let layout: Layout

  /// The first line, if the layout has one.
  var header: String? {
    layout == .csv ? columns(of: nil).map(\.name).joined(separator: ",") : nil
  }

  /// One row, without a line end.
  func line(_ document: Document) -> String {
    let columns = columns(of: document)
    switch layout {
    case .csv: return columns.map { quoted($0.value.text ?? "") }.joined(separator: ",")
    case .jsonl:
      var object = JSONObject()
      for (name, value) in columns { object[name] = value }
      return JSON.object(object).description
    }
  }

  /// Names and values, in the order of the table; with `nil`, only the names count.
  private func columns(of document: Document?) -> [(name: String, value: JSON)] {
    func number(_ value: Int?) -> JSON { value.map(JSON.int) ?? .null }
    func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
    let type = document?.type
    return [
      ("source", text(document?.source.rawValue)),
      ("gin", number(document?.gin)),
      ("instrument_number", number(document?.instrument)),
      ("book_volume", text(document.map { String($0.book) })),
      ("book", number(document?.book)),
      ("page", number(document?.indexPage)),
      ("instrument_type_raw", text(document.map { $0.type.raw(book: $0.book) })),
      ("instrument_type_parsed", text(type?.parsed)),
      ("document_type", text(document?.isTyped == true ? type?.normalised : nil)),
      ("file_date", text(document?.fileDate)),
      ("num_pages", number(document?.indexPageCount)),
      ("grantor_party", text(document?.grantor)),
      ("grantee_party", text(document?.grantee)),
      ("download_priority", number(document?.priority)),
    ]
  }

  /// A field by RFC 4180, section 2.
  private func quoted(_ field: String) -> String {
    guard field.contains(where: { "\",\r\n".contains($0) }) else { return field }
    return "\""
      + field.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}
