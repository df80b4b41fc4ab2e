import Common
import GRDB
import Stages

// What there is to do.
extension SQLiteIndex {
  /// See ``DocumentIndex/outlook(_:for:)``.
  public func outlook(_ selection: Selection, for run: Run) throws -> Outlook {
    let pending = Condition.all([selection.pending, run.mayClaim])
    let documents = selection.documents
    return try database.read { db in
      var outlook = Outlook()
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
        outlook.inProgressHere = row[0]
        outlook.inProgressElsewhere = row[1]
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
        outlook.waiting = row[1]
        outlook.secondsToNext = (row[2] as Double?).map { max(0, $0) }
        outlook.divide(
          trusted: row[0] - outlook.waiting - row[3], suspects: row[3],
          suspectsHere: try Self.inProgress(with: run, db).quarantined)
      }
      outlook.passOver(refusals.count)
      return outlook
    }
  }
}
