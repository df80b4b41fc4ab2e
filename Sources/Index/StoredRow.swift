import Common
import GRDB

/// A document as far as it concerns the store: which object it names, and what is recorded of it.
package struct StoredRow: Sendable, Equatable {
  package let id: Int
  /// Its status, as the table has it.
  package let status: DocumentStatus
  /// The object it names; `nil` where it is completed without one.
  package let url: String?
  /// Size of the object in bytes, where it is recorded.
  package let bytes: Int?
  /// SHA-256 of the object, where it is recorded.
  package let sha256: String?
  /// MD5 of the object, where it is recorded.
  package let md5: String?
  /// When it was completed, in nanoseconds since 1970.
  package let completedAt: Int64?
  /// Whether it belongs to the selection that was asked for.
  package let isSelected: Bool

  /// A row.
  package init(
    id: Int, status: DocumentStatus = .completed, url: String?, bytes: Int? = nil,
    sha256: String? = nil,
    md5: String? = nil, completedAt: Int64? = nil, isSelected: Bool = true
  ) {
    self.id = id
    self.status = status
    self.url = url
    self.bytes = bytes
    self.sha256 = sha256
    self.md5 = md5
    self.completedAt = completedAt
    self.isSelected = isSelected
  }
}

/// Rows in pages, so that memory does not grow with the index. Belongs to one thread.
package protocol StoredRowPages: AnyObject {
  /// The next rows; `nil` at the end, and never an empty page. Throws ``Fatal``.
  func next() throws -> [StoredRow]?
}

/// What both databases are asked.
enum StoredRows {
  static let page = 5000

  /// Columns in the order of ``StoredRow``, but for the last two, which are a database's own.
  static let columns = """
    id, download_status, gcs_path, content_bytes, content_sha256, content_md5
    """

  static let condition = "gcs_path IS NOT NULL OR download_status = 'completed'"

  /// What setting back writes; takes the reason.
  static let requeueCompleted = """
    download_status = 'pending', download_attempts = 0, error_class = 'store_rejected',
    download_error = ?, next_attempt_at = NULL, retrying = FALSE, lost_leases = 0,
    \(Lease.cleared)
    """

  /// What marking as not wanted writes, and where; takes the reason.
  static let skip = """
    download_status = 'skipped', error_class = NULL, download_error = ?, next_attempt_at = NULL,
    retrying = FALSE
    WHERE download_status IN ('pending', 'failed')
    """
}

/// The documents of an index in a SQLite file, whatever their status, as an import would bring them: for
/// programs that take the place of their portal.
package enum StoredDocuments {
  /// Whether a file begins as SQLite files do.
  package static func isDatabase(_ start: some Sequence<UInt8>) -> Bool {
    start.starts(with: "SQLite format 3\0".utf8)
  }

  /// Gives each row to `body`, and why a row cannot be read in place of it. Nothing is written. Throws
  /// where the file or its table `index_documents` cannot be read.
  package static func each(
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
