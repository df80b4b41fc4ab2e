import Common
import GRDB

// What there is to do.
extension SQLiteIndex {
  /// See ``DocumentIndex/queueCounts(_:for:)``.
  package func queueCounts(_ selection: Selection, for run: Run) throws -> QueueCounts {
    let pending = Condition.all([selection.pending, run.mayClaim])
    let documents = selection.documents
    return try database.read { db in
      var queueCounts = QueueCounts()
      let now = SQLiteSchema.now
      if let row = try Row.fetchOne(
        db,
        sql: """
          SELECT COUNT(*) FILTER (WHERE lease_owner = ?),
            COUNT(*) FILTER (WHERE lease_owner IS NOT ? AND \(documents.sql))
          FROM index_documents INDEXED BY index_documents_in_progress
          WHERE download_status = 'in_progress'
          """, arguments: bound([run.owner, run.owner], documents.arguments))
      {
        queueCounts.inProgressHere = row[0]
        queueCounts.inProgressElsewhere = row[1]
      }
      if let row = try Row.fetchOne(
        db,
        sql: """
          SELECT COUNT(*), COUNT(*) FILTER (WHERE next_attempt_at > \(now)),
            (julianday(MIN(next_attempt_at) FILTER (WHERE next_attempt_at > \(now)))
              - julianday('now')) * 86400,
            COUNT(*) FILTER (WHERE \(Condition.quarantined.sql)
              AND (next_attempt_at IS NULL OR next_attempt_at <= \(now)))
          FROM index_documents INDEXED BY index_documents_pending
          WHERE \(pending.sql)
          """, arguments: bound(Condition.quarantined.arguments, pending.arguments))
      {
        queueCounts.waiting = row[1]
        queueCounts.secondsToNext = (row[2] as Double?).map { max(0, $0) }
        queueCounts.divide(
          trusted: row[0] - queueCounts.waiting - row[3], quarantined: row[3],
          quarantinedHere: try Self.inProgress(with: run, db).quarantined)
      }
      queueCounts.passOver(refusals.count)
      return queueCounts
    }
  }
}

// Why a claim found nothing although there is something to claim.
extension SQLiteIndex {
  /// See ``DocumentIndex/obstacle(_:for:)``. A file is locked as a whole, and waited for: only a trigger
  /// can keep a row as it is.
  package func obstacle(_ selection: Selection, for run: Run) throws -> Obstacle {
    let names = try database.read { db in
      try String.fetchAll(
        db,
        sql: """
          SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'index_documents'
            AND sql LIKE '%RAISE%IGNORE%' ORDER BY name
          """)
    }
    guard !names.isEmpty else {
      return Obstacle(
        reason: "another run has just claimed the next documents",
        code: .unavailable)
    }
    return Obstacle(
      reason: Format.printable(
        "the trigger \(names.joined(separator: " or ")) of index_documents discards the change when "
          + "documents are claimed. Let it pass UPDATE"), code: .configuration)
  }
}
