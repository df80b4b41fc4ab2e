import Common

/// One page of a preview: documents with a priority first, in the order of claims, then those without,
/// which a comparison of rows would pass over (NULL is not comparable).
struct PreviewPage {
  let condition: Condition
  let order: String

  /// Reads up to `count` records from `position` on by one or two questions.
  static func records(
    count: Int, after position: PreviewPosition?,
    _ read: (_ page: PreviewPage, _ count: Int) throws -> [DocumentRecord]
  ) throws -> [DocumentRecord] {
    var records: [DocumentRecord] = []
    if position?.priority != nil || position == nil {
      let after = position.flatMap { position in
        position.priority.map { priority in
          Condition(
            sql: "(download_priority, book, page, id) > (?, ?, ?, ?)",
            values: [priority, position.book, position.page, position.id].map { .int($0) })
        }
      }
      records = try read(
        PreviewPage(
          condition: .all(
            [Condition(sql: "download_priority IS NOT NULL")] + [after].compactMap(\.self)),
          order: "download_priority, book, page, id"), count)
    }
    guard records.count < count else { return records }
    let after = position.flatMap { position in
      position.priority == nil
        ? Condition(
          sql: "(book, page, id) > (?, ?, ?)",
          values: [position.book, position.page, position.id].map { .int($0) }) : nil
    }
    return try records
      + read(
        PreviewPage(
          condition: .all(
            [Condition(sql: "download_priority IS NULL")] + [after].compactMap(\.self)),
          order: "book, page, id"), count - records.count)
  }
}

/// Which columns a record carries, in which order, under their own names.
enum RecordFields {
  static let columns = [
    "source", "gin", "instrument_number", "book_volume", "book", "page", "instrument_type_raw",
    "instrument_type_parsed", "document_type", "file_date", "num_pages", "download_priority",
  ]

  /// Those that hold whole numbers.
  private static let numbers: Set<String> = [
    "gin", "instrument_number", "book", "page", "num_pages", "download_priority",
  ]

  /// All columns that a record is made from.
  static let selected = "id, " + columns.joined(separator: ", ") + ", download_attempts"

  /// A record; `values` belong to ``columns``, `null` leaves a field out, and so does what is no whole number where
  /// one belongs. A column of SQLite takes anything (an import by `sqlite3` puts empty texts where nothing is
  /// known), and a line with a text for a number would be no record to any tool.
  static func record(
    id: String, values: [JSON], attempt: Int? = nil, lease: JSON? = nil
  ) -> DocumentRecord {
    var fields: JSONObject = ["id": .string(id)]
    for (name, value) in zip(columns, values) {
      let value = numbers.contains(name) ? number(value) : value
      if value != .null { fields[name] = value }
    }
    fields["attempt"] = attempt.map(JSON.int)
    fields["lease"] = lease
    return DocumentRecord(id: id, fields: fields)
  }

  private static func number(_ value: JSON) -> JSON {
    let text = value.string?.filter { $0 != " " }
    let number = value.int ?? text.flatMap { Int($0) } ?? value.double.flatMap { Int(exactly: $0) }
    return number.map(JSON.int) ?? .null
  }
}

/// A place in the order of claims: priority, book, page, id. Documents without a priority come last.
package struct PreviewPosition: Sendable, Equatable {
  let priority: Int?
  let book: Int
  let page: Int
  let id: Int

  /// The place of a record of the index.
  package init?(_ record: DocumentRecord) {
    guard let book = record.book, let page = record.page, let id = Int(record.id) else {
      return nil
    }
    priority = record.priority
    self.book = book
    self.page = page
    self.id = id
  }
}
