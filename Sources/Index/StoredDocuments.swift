import Common
import GRDB

/// The documents of an index in a SQLite file, whatever their status, as an import would bring them: for
/// programs that take the place of their portal.
public enum StoredDocuments {
  /// Whether a file begins as SQLite files do.
  public static func isDatabase(_ start: some Sequence<UInt8>) -> Bool {
    start.starts(with: "SQLite format 3\0".utf8)
  }

  /// Gives each row to `body`, and why a row cannot be read in place of it. Nothing is written. Throws
  /// where the file or its table `index_documents` cannot be read.
  public static func each(
    inSQLite path: String, _ body: (Result<ImportedRow, ImportProblem>) throws -> Void
  ) throws {
    var configuration = Configuration()
    configuration.readonly = true
    do {
      let database = try DatabaseQueue(path: path, configuration: configuration)
      try database.read { db in
        let names = try db.columns(in: SQLiteSchema.table).map(\.name)
        let known = names.filter(ImportedColumns.isKnown)
        let columns = known.map { "\"\($0)\"" }.joined(separator: ", ")
        let cursor = try Row.fetchCursor(
          db, sql: "SELECT \(columns) FROM \(SQLiteSchema.table) ORDER BY id")
        while let row = try cursor.next() {
          var texts: [String: String] = [:]
          for (name, value) in zip(known, row.databaseValues) { texts[name] = value.text }
          let parsed = Result { () throws(ImportProblem) in try ImportedRow(checking: texts) }
          try body(parsed)
        }
      }
    } catch let error as DatabaseError {
      throw Fatal(.inputOutput, "cannot read the index in \(path): \(error.message ?? "SQLite")")
    }
  }
}
