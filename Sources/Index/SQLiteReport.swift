import Common
import GRDB
import Stages

// The report: one transaction, so that its numbers fit together.
extension SQLiteIndex {
  /// See ``DocumentIndex/report(_:)``.
  public func report(_ selection: Selection) throws -> Report {
    try database.read { db in
      let query = ReportQuery(db: db, documents: selection.documents)
      var report = Report()
      report.status = try db.statusCounts(selection)
      report.priorities = try query.priorities()
      try query.addActivity(to: &report)
      try query.addBytes(to: &report)
      report.errors = try query.errors()
      report.gaps = BookTally.gaps(try query.tallies())
      report.mismatches = try query.mismatches()
      return report
    }
  }
}

/// The queries of a report about some documents.
private struct ReportQuery {
  let db: Database
  let documents: Condition

  /// Rows of `SELECT columns FROM index_documents WHERE` the documents and what else follows.
  private func rows(_ columns: String, _ rest: String, _ spans: [Double] = []) throws -> [Row] {
    try Row.fetchAll(
      db, sql: "SELECT \(columns) FROM index_documents WHERE \(documents.sql) \(rest)",
      arguments: bound(documents.arguments, spans.map(SQLiteSchema.seconds)))
  }

  func priorities() throws -> [(priority: Int, total: Int, completed: Int, failed: Int)] {
    try rows(
      """
      download_priority, COUNT(*), COUNT(*) FILTER (WHERE download_status = 'completed'),
        COUNT(*) FILTER (WHERE download_status = 'failed')
      """, "AND download_priority IS NOT NULL GROUP BY download_priority ORDER BY download_priority"
    ).map { (priority: $0[0], total: $0[1], completed: $0[2], failed: $0[3]) }
  }

  func addActivity(to report: inout Report) throws {
    func completed(_ seconds: Double) throws -> (count: Int, span: Double) {
      let row = try rows(
        "COUNT(*), (julianday(MAX(downloaded_at)) - julianday(MIN(downloaded_at))) * 86400",
        "AND download_status = 'completed' AND downloaded_at > \(SQLiteSchema.later)", [-seconds]
      ).first
      return (row?[0] ?? 0, row?[1] ?? 0)
    }
    report.completedLastHour = try completed(3600).count
    report.completedLastDay = try completed(24 * 3600).count
    (report.completedLastSixHours, report.secondsOfLastSixHours) = try completed(6 * 3600)
  }

  func addBytes(to report: inout Report) throws {
    let row = try rows(
      "COALESCE(SUM(original_bytes), 0), COALESCE(SUM(content_bytes), 0)",
      """
      AND download_status = 'completed' AND original_bytes IS NOT NULL
        AND content_bytes IS NOT NULL
      """
    ).first
    report.originalBytes = row?[0] ?? 0
    report.optimizedBytes = row?[1] ?? 0
  }

  /// Errors of documents that are to be tried again or failed, by class, each with its most frequent
  /// message. Rows of older software have a text and no class.
  func errors() throws -> [(kind: String, message: String, count: Int)] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT kind, message, total FROM (
          SELECT kind, message, SUM(count) OVER (PARTITION BY kind) AS total,
            ROW_NUMBER() OVER (PARTITION BY kind ORDER BY count DESC, message) AS place
          FROM (
            SELECT COALESCE(error_class, 'unclassified') AS kind,
              COALESCE(download_error, '') AS message, COUNT(*) AS count
            FROM index_documents
            WHERE \(documents.sql) AND download_status IN ('pending', 'failed')
              AND (error_class IS NOT NULL OR download_error IS NOT NULL)
            GROUP BY kind, message))
        WHERE place = 1 ORDER BY total DESC, kind
        """, arguments: bound(documents.arguments)
    ).map { (kind: $0[0], message: $0[1], count: $0[2]) }
  }

  func tallies() throws -> [BookTally] {
    try rows(
      """
      book, COUNT(*) FILTER (WHERE download_status = 'completed'),
        COUNT(*) FILTER (WHERE download_status IN ('pending', 'failed'))
      """, "AND book IS NOT NULL GROUP BY book ORDER BY book"
    ).map { BookTally(book: $0[0], completed: $0[1], open: $0[2]) }
  }

  func mismatches() throws -> [(books: ClosedRange<Int>, completed: Int, mismatches: Int)] {
    try rows(
      "book / 500 AS part, COUNT(*), COUNT(*) FILTER (WHERE book_page_mismatch)",
      "AND download_status = 'completed' AND book IS NOT NULL GROUP BY part ORDER BY part"
    ).map { row in
      let first = (row[0] as Int) * 500
      return (books: first...first + 499, completed: row[1], mismatches: row[2])
    }
  }
}
