import Common
import Stages

/// What differs between the databases in the questions that both are asked.
struct Dialect: Sendable {
  /// An expression: so many seconds from now, as `downloaded_at` is written; takes one value.
  let later: String
  /// A span in seconds as ``later`` takes it.
  let span: @Sendable (Double) -> Condition.Value
  /// An expression: seconds between the first and the last `downloaded_at`.
  let secondsCompleted: String
}

/// The report's questions, for either database. Values come as texts, `nil` for null.
struct ReportQueries {
  let dialect: Dialect
  let selection: Selection
  /// Runs a statement with a `?` for each value.
  let fetch: (_ sql: String, _ values: [Condition.Value]) throws -> [[String?]]

  /// All of it; to be asked in one transaction, so that the numbers fit together.
  func report() throws -> Report {
    var report = Report()
    report.status = try statusCounts()
    report.priorities = try priorities()
    report.completedLastHour = try completed(3600).count
    report.completedLastDay = try completed(24 * 3600).count
    (report.completedLastSixHours, report.secondsOfLastSixHours) = try completed(6 * 3600)
    try addBytes(to: &report)
    report.errors = try errors()
    report.gaps = BookTally.gaps(try tallies())
    report.mismatches = try mismatches()
    return report
  }

  func statusCounts() throws -> StatusCounts {
    let countable = selection.countable
    let rows = try fetch(
      """
      SELECT download_status, \(selection.retriesFailed ? "retrying" : "NULL"), COUNT(*)
      FROM index_documents WHERE \(countable.sql) GROUP BY 1, 2
      """, countable.values)
    var counts = StatusCounts()
    for row in rows {
      let count = int(row[2])
      switch row[0] {
      case "pending":
        let isMeant = !selection.retriesFailed || ["1", "t"].contains(row[1])
        if isMeant { counts.pending += count }
      case "in_progress": counts.inProgress += count
      case "completed": counts.completed += count
      case "failed": counts.failed += count
      default: counts.skipped += count
      }
    }
    return counts
  }

  func typeCounts(top: Int) throws -> [(type: String, count: Int)] {
    let upcoming = selection.upcoming
    return try fetch(
      """
      SELECT COALESCE(instrument_type_parsed, ''), COUNT(*) FROM index_documents
      WHERE \(upcoming.sql) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?
      """, upcoming.values + [.int(top)]
    ).map { (type: $0[0] ?? "", count: int($0[1])) }
  }

  private func int(_ text: String?) -> Int { text.flatMap { Int($0) } ?? 0 }

  /// Rows of `SELECT columns FROM index_documents WHERE` the documents and what else follows.
  private func rows(
    _ columns: String, _ rest: String, _ values: [Condition.Value] = []
  ) throws -> [[String?]] {
    let documents = selection.documents
    return try fetch(
      "SELECT \(columns) FROM index_documents WHERE \(documents.sql) \(rest)",
      documents.values + values)
  }

  private func priorities() throws -> [(priority: Int, total: Int, completed: Int, failed: Int)] {
    try rows(
      """
      download_priority, COUNT(*), COUNT(*) FILTER (WHERE download_status = 'completed'),
        COUNT(*) FILTER (WHERE download_status = 'failed')
      """, "AND download_priority IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).map {
      (priority: int($0[0]), total: int($0[1]), completed: int($0[2]), failed: int($0[3]))
    }
  }

  private func completed(_ seconds: Double) throws -> (count: Int, span: Double) {
    let row = try rows(
      "COUNT(*), \(dialect.secondsCompleted)",
      "AND download_status = 'completed' AND downloaded_at > \(dialect.later)",
      [dialect.span(-seconds)]
    ).first
    return (int(row?[0]), row?[1].flatMap { Double($0) } ?? 0)
  }

  private func addBytes(to report: inout Report) throws {
    let row = try rows(
      "SUM(original_bytes), SUM(content_bytes)",
      """
      AND download_status = 'completed' AND original_bytes IS NOT NULL
        AND content_bytes IS NOT NULL
      """
    ).first
    report.originalBytes = int(row?[0])
    report.optimizedBytes = int(row?[1])
  }

  /// Errors of documents that are to be tried again or failed, by class, each with its most frequent
  /// message. Rows of older software have a text and no class.
  private func errors() throws -> [(kind: String, message: String, count: Int)] {
    let documents = selection.documents
    return try fetch(
      """
      SELECT kind, message, total FROM (
        SELECT kind, message, SUM(number) OVER (PARTITION BY kind) AS total,
          ROW_NUMBER() OVER (PARTITION BY kind ORDER BY number DESC, message) AS place
        FROM (
          SELECT COALESCE(error_class, 'unclassified') AS kind,
            COALESCE(download_error, '') AS message, COUNT(*) AS number
          FROM index_documents
          WHERE \(documents.sql) AND download_status IN ('pending', 'failed')
            AND (error_class IS NOT NULL OR download_error IS NOT NULL)
          GROUP BY 1, 2) AS messages) AS kinds
      WHERE place = 1 ORDER BY total DESC, kind
      """, documents.values
    ).map { (kind: $0[0] ?? "", message: $0[1] ?? "", count: int($0[2])) }
  }

  private func tallies() throws -> [BookTally] {
    try rows(
      """
      book, COUNT(*) FILTER (WHERE download_status = 'completed'),
        COUNT(*) FILTER (WHERE download_status IN ('pending', 'failed'))
      """, "AND book IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).map { BookTally(book: int($0[0]), completed: int($0[1]), open: int($0[2])) }
  }

  private func mismatches() throws -> [(books: ClosedRange<Int>, completed: Int, mismatches: Int)] {
    try rows(
      "book / 500, COUNT(*), COUNT(*) FILTER (WHERE book_page_mismatch)",
      "AND download_status = 'completed' AND book IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).map { row in
      let first = int(row[0]) * 500
      return (books: first...first + 499, completed: int(row[1]), mismatches: int(row[2]))
    }
  }
}
