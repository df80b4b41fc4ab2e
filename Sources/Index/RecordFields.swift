import Common

/// Which columns a record carries, in which order, under their own names.
enum RecordFields {
  static let columns = [
    "source", "gin", "instrument_number", "book_volume", "book", "page", "instrument_type_raw",
    "instrument_type_parsed", "document_type", "file_date", "num_pages", "download_priority",
  ]

  /// All columns that a record is made from.
  static let selected = "id, " + columns.joined(separator: ", ") + ", download_attempts"

  /// A record; `values` belong to ``columns``, `null` leaves a field out.
  static func record(
    id: String, values: [JSON], attempt: Int? = nil, lease: (token: String, run: String)? = nil
  ) -> Record {
    var fields: JSONObject = ["id": .string(id)]
    for (name, value) in zip(columns, values) where value != .null { fields[name] = value }
    fields["attempt"] = attempt.map(JSON.int)
    fields["lease"] = lease.map { .object(["token": .string($0.token), "run": .string($0.run)]) }
    return Record(id: id, fields: fields)
  }
}

/// A place in the order of claims: priority, book, page, id. Documents without a priority come last.
public struct PreviewPosition: Sendable, Equatable {
  let priority: Int?
  let book: Int
  let page: Int
  let id: Int

  /// The place of a record of the index.
  public init?(_ record: Record) {
    guard let book = record["book"]?.int, let page = record["page"]?.int, let id = Int(record.id)
    else { return nil }
    priority = record["download_priority"]?.int
    self.book = book
    self.page = page
    self.id = id
  }
}
