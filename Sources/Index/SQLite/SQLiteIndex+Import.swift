import Common
import GRDB

extension SQLiteIndex {
  /// See ``DocumentIndex/add(_:)``.
  package func add(_ rows: [ImportedRow]) throws -> Addition {
    guard !rows.isEmpty else { return Addition() }
    return try database.write { db in
      var statement = try db.cachedStatement(sql: Self.insert)
      var addition = Addition()
      for (place, row) in rows.enumerated() {
        do {
          try statement.execute(arguments: StatementArguments(row.bindings()))
          addition.added += db.changesCount
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
          addition.refused.append(.init(place: place, reason: error.message ?? "a constraint"))
          // A statement that failed says so again when it is reset.
          statement = try db.makeStatement(sql: Self.insert)
        }
      }
      return addition
    }
  }

  /// One statement for all rows: a column that a row lacks is null, or its default.
  private static let insert: String = {
    let columns = ImportedColumns.all
    let names = columns.map(\.name).joined(separator: ", ")
    let places = columns.map { $0.fallback.map { "COALESCE(?, '\($0)')" } ?? "?" }
    return """
      INSERT INTO index_documents (\(names)) VALUES (\(places.joined(separator: ", ")))
      ON CONFLICT (book, page, source) DO NOTHING
      """
  }()
}

extension ImportedRow {
  /// The values of all columns, in order.
  fileprivate func bindings() throws(Fatal) -> [DatabaseValue] {
    var bindings: [DatabaseValue] = []
    bindings.reserveCapacity(ImportedColumns.all.count)
    for column in ImportedColumns.all {
      guard let text = values[column.name] ?? nil else {
        bindings.append(.null)
        continue
      }
      switch column.kind {
      case .text, .day, .time, .status: bindings.append(text.databaseValue)
      case .integer, .boolean:
        guard let number = Int64(text) else {
          throw Fatal(.other, "\(column.name) of a row is not a number: \(Format.quoted(text))")
        }
        bindings.append(number.databaseValue)
      }
    }
    return bindings
  }
}
