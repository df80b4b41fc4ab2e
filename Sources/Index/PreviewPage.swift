import Common

/// One page of a preview: documents with a priority first, in the order of claims, then those without,
/// which a comparison of rows would pass over (NULL is not comparable).
struct PreviewPage {
  let condition: Condition
  let order: String

  /// Reads up to `count` records from `position` on by one or two questions.
  static func records(
    count: Int, after position: PreviewPosition?,
    _ read: (_ page: PreviewPage, _ count: Int) throws -> [Record]
  ) throws -> [Record] {
    var records: [Record] = []
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
