import Common
import Postgres

// Leases that expired, or whose owners are dead.
extension PostgresIndex {
  /// See ``DocumentIndex/reclaimExpiredLeases()``.
  package func reclaimExpiredLeases() throws -> Int {
    try pool.use(waitingForLocks: true) { connection, _ in
      let owners = try connection.query(
        """
        SELECT lease_owner, COUNT(*) FROM index_documents
        WHERE download_status = 'in_progress' AND lease_owner IS NOT NULL GROUP BY 1
        """)
      let lost = LostLeases(
        owners.values.compactMap { row in
          row[0].map { (owner: $0, leases: row[1].flatMap { Int($0) } ?? 0) }
        })
      let stale = "(\(PostgresSchema.stale) OR \(lost.isDead.sql))"
      // Locked rows are in use: they are left to the next call.
      let ids = try connection.query(
        """
        SELECT id FROM index_documents WHERE download_status = 'in_progress' AND \(stale)
        FOR UPDATE SKIP LOCKED
        """, lost.isDead.values
      ).values.compactMap { $0[0].flatMap { Int($0) } }
      guard !ids.isEmpty else { return 0 }
      func takeBack(_ ids: [Int]) throws(PostgresError) -> Int {
        try connection.query(
          """
          UPDATE index_documents SET \(LostLeases.change(greatest: "GREATEST", isAlone: lost.isAlone))
          WHERE id = ANY (?::bigint[]) AND download_status = 'in_progress' AND \(stale)
          """,
          lost.changeValues + [.text(arrayLiteral(ids.map { String($0) }))] + lost.isDead.values
        ).affected
      }
      do { return try takeBack(ids) } catch let error as PostgresError where error.isAboutData {
        // The table refuses one of them: the others go back all the same.
        return try ids.reduce(0) { count, id in
          do { return try count + takeBack([id]) } catch let error as PostgresError
            where error.isAboutData
          { return count }
        }
      }
    }
  }
}
