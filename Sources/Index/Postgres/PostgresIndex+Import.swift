import Common
import Postgres

extension PostgresIndex {
  /// See ``DocumentIndex/add(_:)``.
  package func add(_ rows: [ImportedRow]) throws -> Addition {
    var addition = Addition()
    try add(rows[...], to: &addition)
    return addition
  }

  /// All rows in one statement; where the table refuses one of them, by halves, down to that one.
  private func add(_ rows: ArraySlice<ImportedRow>, to addition: inout Addition) throws {
    guard let first = rows.indices.first else { return }
    switch try insert(rows) {
    case .success(let added): addition.added += added
    case .failure(let error) where rows.count == 1:
      addition.refused.append(.init(place: first, reason: error.description))
    case .failure:
      let middle = first + rows.count / 2
      try add(rows[..<middle], to: &addition)
      try add(rows[middle...], to: &addition)
    }
  }

  private func insert(_ rows: ArraySlice<ImportedRow>) throws -> Result<Int, PostgresError> {
    let text = Condition.Value.text(Self.json(rows))
    return try pool.use { connection, _ in
      do {
        return .success(try connection.query(Self.insertSQL, [text]).affected)
      } catch let error as PostgresError where error.isAboutData {
        return .failure(error)
      } catch let error as PostgresError where error.sqlState == "42P10" {
        throw Fatal(
          .configuration,
          "the table index_documents in \(pool.name) has no unique key of book, page and source, by "
            + "which an import knows what is there; make one: CREATE UNIQUE INDEX CONCURRENTLY ON "
            + "index_documents (book, page, source)")
      }
    }
  }

  /// One text for all rows: `json_populate_recordset` reads each value as its column's own type does,
  /// whatever types the users' table has.
  private static func json(_ rows: ArraySlice<ImportedRow>) -> String {
    let objects = rows.map { row in
      var object = JSONObject()
      for column in ImportedColumns.all {
        if let text = row.values[column.name] ?? nil { object[column.name] = .string(text) }
      }
      return JSON.object(object)
    }
    return JSON.array(objects).description
  }

  private static let insertSQL: String = {
    let columns = ImportedColumns.all
    let values = columns.map { column in
      column.fallback.map { fallback in
        let value = column.kind == .boolean ? "FALSE" : "'\(fallback)'"
        return "COALESCE(\(column.name), \(value))"
      } ?? column.name
    }
    return """
      INSERT INTO index_documents (\(columns.map(\.name).joined(separator: ", ")))
      SELECT \(values.joined(separator: ", "))
      FROM json_populate_recordset(NULL::index_documents, ?::json)
      ON CONFLICT (book, page, source) DO NOTHING
      """
  }()
}
