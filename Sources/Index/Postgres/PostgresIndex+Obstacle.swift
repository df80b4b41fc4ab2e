import Common
import Postgres

// Why a claim found nothing although there is something to claim.
extension PostgresIndex {
  /// See ``DocumentIndex/obstacle(_:for:)``. Tries to lock one such row, and asks the catalogue.
  package func obstacle(_ selection: Selection, for run: Run) throws -> Obstacle {
    let pending = Condition.all([selection.pending, run.mayClaim])
    return try pool.use { connection, _ in
      do {
        let row = try connection.query(
          """
          SELECT id FROM index_documents
          WHERE \(pending.sql) AND (next_attempt_at IS NULL OR next_attempt_at <= now())
          ORDER BY download_priority, book, page LIMIT 1 FOR UPDATE NOWAIT
          """, pending.values)
        return row.values.isEmpty
          ? try hidden(connection) : try unchanged(row.values[0][0] ?? "", connection)
      } catch let error as PostgresError where error.sqlState == "55P03" {
        return try locked(connection)
      }
    }
  }

  private func locked(_ connection: Connection) throws(PostgresError) -> Obstacle {
    let holder = try connection.query(
      """
      SELECT a.pid, a.usename, COALESCE(NULLIF(a.application_name, ''), 'no name'),
        date_trunc('second', a.xact_start)
      FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
      WHERE l.relation = to_regclass('index_documents') AND a.pid <> pg_backend_pid()
        AND l.mode IN ('RowShareLock', 'RowExclusiveLock', 'ExclusiveLock')
      ORDER BY a.xact_start LIMIT 1
      """
    ).values.first
    let who = holder.map { row in
      "; the oldest transaction on the table belongs to process \(row[0] ?? "?") (\(row[1] ?? "?"), "
        + "\(row[2] ?? "?")), since \(row[3] ?? "?")"
    }
    return Obstacle(
      reason: Format.printable(
        "another transaction has locked the next documents\(who ?? "")"),
      code: .unavailable)
  }

  private func hidden(_ connection: Connection) throws(PostgresError) -> Obstacle {
    let isActive =
      try connection.query("SELECT row_security_active('index_documents')").values.first?[0] == "t"
    return isActive
      ? Obstacle(
        reason:
          "row-level security lets the role \(table.role) see documents and change none; make a "
          + "policy FOR UPDATE, or ask the owner of the table, \(table.owner)", code: .permission)
      : Obstacle(
        reason: "another run has just claimed the next documents",
        code: .unavailable)
  }

  private func unchanged(_ id: String, _ connection: Connection) throws(PostgresError) -> Obstacle {
    // pg_trigger.tgtype: 2 is BEFORE, 16 is UPDATE (pg_trigger.h).
    let names = try connection.query(
      """
      SELECT 'the trigger ' || tgname FROM pg_trigger
      WHERE tgrelid = to_regclass('index_documents') AND NOT tgisinternal AND tgtype & 18 = 18
        AND tgenabled <> 'D'
      UNION ALL
      SELECT 'the rule ' || rulename FROM pg_rewrite
      WHERE ev_class = to_regclass('index_documents') AND ev_type = '2'
      """
    ).values.compactMap { $0[0] }
    let who = names.isEmpty ? "something" : names.joined(separator: " or ")
    return Obstacle(
      reason: Format.printable(
        "\(who) of index_documents discards the change when document \(id) and others are claimed. "
          + "Let it pass UPDATE"), code: .configuration)
  }
}
