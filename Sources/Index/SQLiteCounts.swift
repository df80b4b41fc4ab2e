import Common
import GRDB
import Stages

// What there is to do, and what is done.
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
            COUNT(*) FILTER (WHERE \(Condition.suspect.sql)
              AND (next_attempt_at IS NULL OR next_attempt_at <= \(now)))
          FROM index_documents INDEXED BY index_documents_pending
          WHERE \(pending.sql)
          """, arguments: bound(Condition.suspect.arguments, pending.arguments))
      {
        outlook.waiting = row[1]
        outlook.secondsToNext = (row[2] as Double?).map { max(0, $0) }
        outlook.divide(
          trusted: row[0] - outlook.waiting - row[3], suspects: row[3],
          suspectsHere: try Self.inProgress(with: run, db).suspects)
      }
      return outlook
    }
  }

  /// See ``DocumentIndex/counts(_:)``.
  public func counts(_ selection: Selection) throws -> StatusCounts {
    try database.read { try $0.statusCounts(selection) }
  }

  /// See ``DocumentIndex/typeCounts(_:top:)``.
  public func typeCounts(_ selection: Selection, top: Int) throws -> [(type: String, count: Int)] {
    let pending = selection.upcoming
    let rows = try database.read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT COALESCE(instrument_type_parsed, '') AS type, COUNT(*) AS count
          FROM index_documents WHERE \(pending.sql)
          GROUP BY type ORDER BY count DESC, type LIMIT ?
          """, arguments: bound(pending.arguments, [top]))
    }
    return rows.map { (type: $0[0], count: $0[1]) }
  }
}

extension Database {
  func statusCounts(_ selection: Selection) throws -> StatusCounts {
    let documents = selection.documents
    let rows = try Row.fetchAll(
      self,
      sql: """
        SELECT download_status, \(selection.retriesFailed ? "retrying" : "NULL") AS again, COUNT(*)
        FROM index_documents WHERE \(documents.sql) GROUP BY download_status, again
        """, arguments: bound(documents.arguments))
    var counts = StatusCounts()
    for row in rows {
      let count: Int = row[2]
      switch row[0] as String {
      case "pending":
        if !selection.retriesFailed || row[1] as Bool? == true { counts.pending += count }
      case "in_progress": counts.inProgress += count
      case "completed": counts.completed += count
      case "failed": counts.failed += count
      default: counts.skipped += count
      }
    }
    return counts
  }
}
