import Common
import GRDB

// What is done, and how well. The questions are those of ``ReportQueries``.
extension SQLiteIndex {
  /// See ``DocumentIndex/report(_:)``.
  package func report(_ selection: Selection) throws -> Report {
    try database.read { try $0.queries(selection).report() }
  }

  /// See ``DocumentIndex/health(_:)``.
  package func health(_ selection: Selection) throws -> Health {
    try database.read { try $0.queries(selection).health() }
  }

  /// See ``DocumentIndex/failures(_:newest:)``.
  package func failures(_ selection: Selection, newest: Int) throws -> Failures {
    try database.read { try $0.queries(selection).failures(newest: newest) }
  }

  /// See ``DocumentIndex/mismatches(_:after:count:)``.
  package func mismatches(
    _ selection: Selection, after id: Int, count: Int
  ) throws -> [Mismatch] {
    try database.read { try $0.queries(selection).mismatches(after: id, count: count) }
  }

  /// See ``DocumentIndex/documents(named:)``.
  package func documents(named name: DocumentName) throws -> [IndexedDocument] {
    try database.read { try $0.queries(Selection()).documents(named: name) }
  }

  /// See ``DocumentIndex/counts(_:)``.
  package func counts(_ selection: Selection) throws -> StatusCounts {
    try database.read { try $0.queries(selection).statusCounts() }
  }

  /// See ``DocumentIndex/values(of:)``.
  package func values(of column: NamedColumn) throws -> Set<String> {
    try database.read { try $0.queries(Selection()).values(of: column) }
  }

  /// See ``DocumentIndex/typeCounts(_:top:)``.
  package func typeCounts(_ selection: Selection, top: Int) throws -> [(type: String, count: Int)] {
    try database.read { try $0.queries(selection).typeCounts(top: top) }
  }
}

extension Database {
  fileprivate func queries(_ selection: Selection) -> ReportQueries {
    ReportQueries(dialect: .sqlite, selection: selection) { sql, values in
      let arguments = bound(Condition(sql: "", values: values).arguments)
      return try Row.fetchAll(self, sql: sql, arguments: arguments).map { row in
        row.databaseValues.map(\.text)
      }
    } groups: { groupings, documents in
      try self.groups(groupings, of: documents)
    }
  }
}

extension Dialect {
  fileprivate static let sqlite = Dialect(
    later: SQLiteSchema.later, span: { .text(SQLiteSchema.seconds($0)) },
    seconds: { "(julianday(\($1)) - julianday(\($0))) * 86400" }, now: SQLiteSchema.now,
    hour: "substr(downloaded_at, 1, 13)",
    hourNumber: """
      CAST(strftime('%s', CASE WHEN length(hour) = 10 THEN hour ELSE hour || ':00' END) AS INTEGER)
        / 3600
      """,
    isTime: "1 = 1", timeZone: "'UTC'", stale: SQLiteSchema.stale)
}

extension DatabaseValue {
  /// The value as a text; `nil` for null and for bytes.
  var text: String? {
    switch storage {
    case .int64(let number): String(number)
    case .double(let number): String(number)
    case .string(let text): text
    case .null, .blob: nil
    }
  }
}
