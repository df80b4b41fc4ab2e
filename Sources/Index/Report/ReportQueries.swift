import Common

/// What differs between the databases in the questions that both are asked.
struct Dialect: Sendable {
  /// An expression: so many seconds from now, as `downloaded_at` is written; takes one value.
  let later: String
  /// A span in seconds as ``later`` takes it.
  let span: @Sendable (Double) -> Condition.Value
  /// An expression: seconds between two times.
  let seconds: @Sendable (_ earlier: String, _ later: String) -> String
  /// An expression: now, as `downloaded_at` is written.
  let now: String
  /// An expression: the hour of `downloaded_at`, in a form that groups fast.
  let hour: String
  /// An expression: the same as hours since 1970; null where it is no time.
  let hourNumber: String
  /// A condition: `downloaded_at` is a time that can be reckoned with.
  let isTime: String
  /// An expression: the time zone of `downloaded_at`.
  let timeZone: String
  /// A condition: a document in progress without a living worker.
  let stale: String
}

/// The report's questions, for either database. Values come as texts, `nil` for null.
struct ReportQueries {
  let dialect: Dialect
  let selection: Selection
  /// Runs a statement with a `?` for each value.
  let fetch: (_ sql: String, _ values: [Condition.Value]) throws -> [[String?]]
  /// Answers several groupings of these documents, in any order of their groups.
  let groups: (_ groupings: [Grouping], _ documents: Condition) throws -> [[Grouping.Group]]

  /// All of it; to be asked in one transaction, so that the numbers fit together. The table is read
  /// as few times as possible: reading a million rows is what takes time.
  func report() throws -> Report {
    var report = Report()
    let groups = try groups([byBook, Self.byType, Self.byOutcome], selection.documents)
    let books = bookStatistics(groups[0])
    report.status = books.status
    report.priorities = books.priorities
    report.gaps = BookCollector.gaps(books.tallies)
    report.books = books.range
    report.mismatches = books.mismatches
    report.types = types(groups[1])
    report.optimizations = optimizations(groups[2])
    try addHours(to: &report)
    try addPace(to: &report)
    report.errors = try errors()
    return report
  }

  func statusCounts() throws -> StatusCounts {
    let countable = selection.countable
    let rows = try fetch(
      """
      SELECT download_status, \(selection.retriesFailed ? "retrying" : "NULL"), COUNT(*),
        \(Self.isAbsent)
      FROM index_documents WHERE \(countable.sql) GROUP BY 1, 2, 4
      """, countable.values)
    var counts = StatusCounts()
    for row in rows {
      let status = DocumentStatus(row[0] ?? "")
      // Of the pending ones, a stage that tries again means only those that it revived.
      let isMeant = !selection.retriesFailed || status != .pending || isTrue(row[1])
      if isMeant { counts.add(int(row[2]), status, isAbsent: isTrue(row[3])) }
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

  func values(of column: NamedColumn) throws -> Set<String> {
    let name = column.rawValue
    let rows = try fetch(
      "SELECT \(name) FROM index_documents WHERE \(name) IS NOT NULL GROUP BY 1", [])
    return Set(rows.compactMap { $0[0] })
  }

  func int(_ text: String?) -> Int { text.flatMap { Int($0) } ?? 0 }

  /// Rows of `SELECT columns FROM index_documents WHERE` the documents and what else follows.
  func rows(
    _ columns: String, _ rest: String, _ values: [Condition.Value] = []
  ) throws -> [[String?]] {
    let documents = selection.documents
    return try fetch(
      "SELECT \(columns) FROM index_documents WHERE \(documents.sql) \(rest)",
      documents.values + values)
  }

  private func isTrue(_ text: String?) -> Bool { ["1", "t"].contains(text) }

  private var byBook: Grouping {
    let keys = ["book", "download_status", "download_priority", Self.isAbsent]
    return Grouping(
      keys: selection.retriesFailed ? keys + ["retrying"] : keys,
      sums: [Grouping.sum(where: "book_page_mismatch")])
  }

  private func bookStatistics(_ groups: [Grouping.Group]) -> BookStatistics {
    var figures = BookStatistics()
    let books = groups.map { (book: $0.keys[0].flatMap { Int($0) }, group: $0) }
    for (book, group) in books.sorted(by: { ($0.book ?? .min) < ($1.book ?? .min) }) {
      let status = DocumentStatus(group.keys[1] ?? "")
      figures.add(
        .init(
          book: book, status: status, priority: group.keys[2].flatMap { Int($0) },
          isAbsent: isTrue(group.keys[3]),
          isMeant: !selection.retriesFailed || status != .pending || isTrue(group.keys.last ?? nil),
          count: group.count, mismatches: group.sums[0]))
    }
    return figures
  }

  private static let isDone = "download_status = 'completed'"
  // A table of the user's own may have any number in it: sizes that no document has (beyond a TiB) count as
  // unknown, and no sum goes beyond what a number can be.
  private static let hasSizes =
    "\(isDone) AND original_bytes BETWEEN 0 AND 1099511627776"
    + " AND content_bytes BETWEEN 0 AND 1099511627776"

  private static let byType = Grouping(
    keys: ["COALESCE(instrument_type_parsed, '')"],
    sums: [
      Grouping.sum(where: isDone),
      Grouping.sum(where: "download_status = 'failed' AND NOT \(isAbsent)"),
      Grouping.sum(where: isAbsent), Grouping.sum(where: hasSizes),
      Grouping.sum("original_bytes", where: hasSizes),
      Grouping.sum("content_bytes", where: hasSizes),
    ])

  private func types(_ groups: [Grouping.Group]) -> [TypeStatistics] {
    groups.map {
      TypeStatistics(
        type: $0.keys[0] ?? "", total: $0.count, completed: $0.sums[0], failed: $0.sums[1],
        absent: $0.sums[2], measured: $0.sums[3], originalBytes: $0.sums[4], storedBytes: $0.sums[5]
      )
    }.sorted { ($1.total, $0.type) < ($0.total, $1.type) }
  }

  private static let byOutcome = Grouping(
    keys: ["optimize_outcome", "optimize_reason"],
    sums: [
      Grouping.sum("original_bytes", where: hasSizes),
      Grouping.sum("content_bytes", where: hasSizes),
      Grouping.sum(
        "content_bytes - optimize_rejected_bytes",
        where: "\(hasSizes) AND optimize_rejected_bytes BETWEEN 0 AND content_bytes"),
    ], condition: isDone)

  private func optimizations(_ groups: [Grouping.Group]) -> [OptimizationFigures] {
    var all: [OptimizationFigures] = []
    for group in groups {
      let outcome = group.keys[0].flatMap { Optimization.Outcome(rawValue: $0) }
      let reason = outcome == nil ? nil : group.keys[1].map(Optimization.known)
      var figures = OptimizationFigures(outcome, reason: reason)
      figures.documents = group.count
      figures.originalBytes = group.sums[0]
      figures.storedBytes = group.sums[1]
      figures.rejectedSaving = group.sums[2]
      all.add(figures)
    }
    return all.ordered
  }

  private func addHours(to report: inout Report) throws {
    let documents = selection.documents
    let rows = try fetch(
      """
      SELECT \(dialect.hourNumber), number FROM (
        SELECT \(dialect.hour) AS hour, COUNT(*) AS number FROM index_documents
        WHERE \(documents.sql) AND download_status = 'completed'
        GROUP BY 1) AS hours
      ORDER BY 1
      """, documents.values
    )
    for row in rows {
      if let hour = row[0].flatMap({ Int($0) }) {
        // Two spellings of one hour are two groups.
        let before = report.hours.last?.hour == hour ? report.hours.popLast()?.completed ?? 0 : 0
        report.hours.append((hour: hour, completed: before + int(row[1])))
      } else {
        report.completedAtUnknownTime += int(row[1])
      }
    }
  }

  private func addPace(to report: inout Report) throws {
    let sixHours = "FILTER (WHERE downloaded_at > \(dialect.later))"
    let documents = selection.documents
    let row = try fetch(
      """
      SELECT COUNT(*), COUNT(*) FILTER (WHERE downloaded_at > \(dialect.later)),
        COUNT(*) \(sixHours),
        \(dialect.seconds("MIN(downloaded_at) \(sixHours)", "MAX(downloaded_at) \(sixHours)")),
        \(dialect.timeZone)
      FROM index_documents
      WHERE \(documents.sql) AND download_status = 'completed' AND downloaded_at > \(dialect.later)
        AND \(dialect.isTime)
      """, ago([3600] + [Double](repeating: 21_600, count: 3)) + documents.values + ago([86_400])
    ).first
    report.completedLastDay = int(row?[0])
    report.completedLastHour = int(row?[1])
    report.completedLastSixHours = int(row?[2])
    report.secondsOfLastSixHours = row?[3].flatMap { Double($0) } ?? 0
    report.timeZone = row?[4] ?? report.timeZone
  }

  func ago(_ seconds: [Double]) -> [Condition.Value] { seconds.map { dialect.span(-$0) } }

  /// Errors of documents that are to be tried again or failed, by class, each with its most frequent
  /// message. Rows of older software have a text and no class, or nothing at all. That the portal does
  /// not have a document is an answer, and no error.
  func errors(
    since seconds: Double? = nil
  ) throws -> [ErrorStatistics] {
    let documents = selection.documents
    let isRecent = seconds == nil ? "" : "AND updated_at > \(dialect.later)"
    return try fetch(
      """
      SELECT kind, message, total, example FROM (
        SELECT kind, message, example, SUM(number) OVER (PARTITION BY kind) AS total,
          ROW_NUMBER() OVER (PARTITION BY kind ORDER BY number DESC, message) AS place
        FROM (
          SELECT COALESCE(error_class, 'unclassified') AS kind,
            COALESCE(download_error, '') AS message, COUNT(*) AS number, MIN(id) AS example
          FROM index_documents
          WHERE \(documents.sql) AND download_status IN ('pending', 'failed')
            AND \(Self.troubled) AND NOT \(Self.isAbsent) \(isRecent)
          GROUP BY 1, 2) AS messages) AS kinds
      WHERE place = 1 ORDER BY total DESC, kind
      """, documents.values + ago(seconds.map { [$0] } ?? [])
    ).map {
      ErrorStatistics(
        kind: $0[0] ?? "", message: $0[1] ?? "", count: int($0[2]),
        example: $0[3].flatMap { Int($0) })
    }
  }

  /// A failed document that the portal does not have; never null.
  static let isAbsent =
    "(COALESCE(download_status, '') = 'failed' AND COALESCE(error_class, '') = 'absent')"

  /// As the index of these documents has it, which can be used only where a question says the same.
  static let troubled = "(download_status = 'failed' OR download_error IS NOT NULL)"
}
