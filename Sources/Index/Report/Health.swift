import Common

/// How a run fares now.
package struct Health: Sendable {
  /// So many outcomes say how well it goes.
  package static let window = 1000

  /// In progress, perhaps with a living worker.
  package var inProgress = 0
  /// In progress without a living worker: the lease has expired, or older software left it
  /// for over 30 minutes.
  package var stale = 0
  /// Of the last ``window`` documents that were completed, failed or absent: completed.
  package var recentCompleted = 0
  /// Of the same: failed, but for the absent ones.
  package var recentFailed = 0
  /// Of the same: the portal does not have them, which is an answer and no trouble.
  package var recentAbsent = 0
  /// Pending, and lost with their worker so often that they are worked on alone.
  package var quarantined = 0
  /// Completed in the last hour.
  package var completedLastHour = 0
  /// Completed in the last five minutes.
  package var completedLastMinutes = 0
  /// Who holds leases, those with most first, at most 50: `host/process/run`, and how many.
  package var holders: [(owner: String, documents: Int)] = []
  /// Seconds since the last completion; `nil` where there is none.
  package var secondsSinceCompletion: Double?
  /// Errors of the last hour by class, most frequent first, with an example message.
  package var errors: [ErrorStatistics] = []

  /// Nothing happens.
  package init() {}
}

/// Failed documents, without those that the portal does not have.
package struct Failures: Sendable, Equatable {
  /// How many of which class of error.
  package let counts: [String: Int]
  /// Those that failed last, last first.
  package let newest: [Int]
}

/// A completed document whose book or page is another at the portal.
package struct Mismatch: Sendable, Equatable {
  package let id: Int
  /// The county's number for it.
  package let instrumentNumber: Int?
  package let book: Int
  package let page: Int
  package let actualBook: Int?
  package let actualPage: Int?
  /// The instrument type, as the index has it.
  package let type: String?
}

// How a run fares now, and single documents.
extension ReportQueries {
  /// How a run fares now. All of it comes out of small indexes, whatever the table's size.
  func health() throws -> Health {
    let documents = selection.documents
    var health = Health()
    let leases = try fetch(
      """
      SELECT COUNT(*), COUNT(*) FILTER (WHERE \(dialect.stale)) FROM index_documents
      WHERE download_status = 'in_progress' AND \(documents.sql)
      """, documents.values
    ).first
    health.stale = int(leases?[1])
    health.inProgress = int(leases?[0]) - health.stale
    let quarantined = try fetch(
      """
      SELECT COUNT(*) FROM index_documents
      WHERE download_status = 'pending' AND \(Condition.quarantined.sql) AND \(documents.sql)
      """, Condition.quarantined.values + documents.values
    ).first
    health.quarantined = int(quarantined?[0])
    try addRecent(to: &health)
    let activity = try fetch(
      """
      SELECT COUNT(*), COUNT(*) FILTER (WHERE downloaded_at > \(dialect.later))
      FROM index_documents
      WHERE download_status = 'completed' AND downloaded_at > \(dialect.later)
        AND \(dialect.isTime) AND \(documents.sql)
      """, ago([300, 3600]) + documents.values
    ).first
    health.completedLastHour = int(activity?[0])
    health.completedLastMinutes = int(activity?[1])
    health.holders = try holders()
    health.errors = try errors(since: 3600)
    return health
  }

  private func holders() throws -> [(owner: String, documents: Int)] {
    let documents = selection.documents
    return try fetch(
      """
      SELECT COALESCE(lease_owner, ''), COUNT(*) FROM index_documents
      WHERE download_status = 'in_progress' AND \(documents.sql)
      GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50
      """, documents.values
    ).map { (owner: $0[0] ?? "", documents: int($0[1])) }
  }

  /// A failed document has no time of its own: it is the last thing that was written of it.
  private func addRecent(to health: inout Health) throws {
    let documents = selection.documents
    let limit = Condition.Value.int(Health.window)
    let rows = try fetch(
      """
      SELECT status, COUNT(*), \(dialect.seconds("MAX(at)", dialect.now)) FROM (
        SELECT status, at FROM (
          SELECT * FROM (
            SELECT download_status AS status, downloaded_at AS at FROM index_documents
            WHERE download_status = 'completed' AND downloaded_at IS NOT NULL
              AND \(dialect.isTime) AND \(documents.sql)
            ORDER BY downloaded_at DESC LIMIT ?) AS done
          UNION ALL
          SELECT * FROM (
            SELECT CASE WHEN \(Self.isAbsent) THEN 'absent' ELSE 'failed' END AS status,
              updated_at AS at FROM index_documents
            WHERE download_status = 'failed' AND \(Self.troubled) AND updated_at IS NOT NULL
              AND \(documents.sql)
            ORDER BY updated_at DESC LIMIT ?) AS failed) AS both_kinds
        ORDER BY at DESC LIMIT ?) AS recent
      GROUP BY 1
      """, documents.values + [limit] + documents.values + [limit, limit])
    for row in rows where row[0] == DocumentStatus.completed.word {
      health.recentCompleted = int(row[1])
      health.secondsSinceCompletion = row[2].flatMap { Double($0) }.map { max(0, $0) }
    }
    for row in rows where row[0] == DocumentStatus.failed.word { health.recentFailed = int(row[1]) }
    for row in rows where row[0] == StatusCounts.absentWord { health.recentAbsent = int(row[1]) }
  }

  /// See ``DocumentIndex/failures(_:newest:)``.
  func failures(newest: Int) throws -> Failures {
    let failed = "AND download_status = 'failed' AND \(Self.troubled) AND NOT \(Self.isAbsent)"
    let counts = try rows(
      "COALESCE(error_class, 'unclassified'), COUNT(*)", "\(failed) GROUP BY 1")
    let ids = try rows(
      "id", "\(failed) AND updated_at IS NOT NULL ORDER BY updated_at DESC, id LIMIT ?",
      [.int(newest)])
    return Failures(
      counts: Dictionary(counts.map { ($0[0] ?? "", int($0[1])) }) { $0 + $1 },
      newest: ids.map { int($0[0]) })
  }

  /// See ``DocumentIndex/mismatches(_:after:count:)``.
  func mismatches(after id: Int, count: Int) throws -> [Mismatch] {
    try rows(
      "id, instrument_number, book, page, actual_book, actual_page, instrument_type_parsed",
      "AND download_status = 'completed' AND book_page_mismatch AND id > ? ORDER BY id LIMIT ?",
      [.int(id), .int(count)]
    ).map { row in
      func number(_ place: Int) -> Int? { row[place].flatMap { Int($0) } }
      return Mismatch(
        id: int(row[0]), instrumentNumber: number(1), book: int(row[2]), page: int(row[3]),
        actualBook: number(4), actualPage: number(5), type: row[6])
    }
  }
}
