import Common
import Postgres

// What there is to do.
extension PostgresIndex {
  /// See ``DocumentIndex/queueCounts(_:for:)``.
  ///
  /// What is in progress is counted first: a document that goes back in between is then seen twice,
  /// and never not at all.
  package func queueCounts(_ selection: Selection, for run: Run) throws -> QueueCounts {
    let pending = Condition.all([selection.pending, run.mayClaim])
    let documents = selection.documents
    return try pool.use { connection, _ in
      let progress = try connection.query(
        """
        SELECT COUNT(*) FILTER (WHERE lease_owner = ?),
          COUNT(*) FILTER (WHERE lease_owner IS DISTINCT FROM ? AND \(documents.sql)),
          COUNT(*) FILTER (WHERE lease_owner = ? AND \(Condition.quarantined.sql))
        FROM index_documents WHERE download_status = 'in_progress'
        """,
        [.text(run.owner), .text(run.owner)] + documents.values + [.text(run.owner)]
          + Condition.quarantined.values
      ).numbers
      let waiting = try connection.query(
        """
        SELECT COUNT(*), COUNT(*) FILTER (WHERE next_attempt_at > now()),
          COUNT(*) FILTER (WHERE \(Condition.quarantined.sql)
            AND (next_attempt_at IS NULL OR next_attempt_at <= now())),
          EXTRACT(EPOCH FROM MIN(next_attempt_at) FILTER (WHERE next_attempt_at > now()) - now())
        FROM index_documents WHERE \(pending.sql)
        """, Condition.quarantined.values + pending.values)
      var queueCounts = QueueCounts()
      queueCounts.inProgressHere = progress[0]
      queueCounts.inProgressElsewhere = progress[1]
      queueCounts.waiting = waiting.numbers[1]
      queueCounts.secondsToNext = waiting.values.first?[3].flatMap { Double($0) }.map { max(0, $0) }
      queueCounts.divide(
        trusted: waiting.numbers[0] - waiting.numbers[1] - waiting.numbers[2],
        quarantined: waiting.numbers[2], quarantinedHere: progress[2])
      queueCounts.passOver(refusals.count)
      return queueCounts
    }
  }
}

extension Rows {
  /// The integers of the only row; 0 for what is none.
  fileprivate var numbers: [Int] { values.first?.map { $0.flatMap { Int($0) } ?? 0 } ?? [] }
}
