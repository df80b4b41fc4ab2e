import Common
import GRDB

// Leases that expired, or whose owners are dead.
extension SQLiteIndex {
  /// See ``DocumentIndex/reclaimExpiredLeases()``.
  package func reclaimExpiredLeases() throws -> Int {
    let lost = try database.read { db in
      LostLeases(
        try Row.fetchAll(
          db,
          sql: """
            SELECT CAST(lease_owner AS TEXT), COUNT(*) FROM index_documents
            WHERE download_status = 'in_progress' AND lease_owner IS NOT NULL GROUP BY 1
            """
        ).map { (owner: $0[0], leases: $0[1]) })
    }
    let stale = "download_status = 'in_progress' AND (\(SQLiteSchema.stale) OR \(lost.isDead.sql))"
    func takeBack(_ extra: Condition, _ db: Database) throws -> Int {
      try db.execute(
        sql: """
          UPDATE index_documents SET \(LostLeases.change(greatest: "MAX", isAlone: lost.isAlone))
          WHERE \(stale) AND \(extra.sql)
          """,
        arguments: bound(
          Condition.arguments(lost.changeValues), lost.isDead.arguments, extra.arguments))
      return db.changesCount
    }
    do { return try database.writeOrRefuse { try takeBack(.always, $0) } } catch is RowRefusal {
      // The table refuses one of them: the others go back all the same.
      let ids = try database.read { db in
        try Int.fetchAll(
          db, sql: "SELECT id FROM index_documents WHERE \(stale)",
          arguments: bound(lost.isDead.arguments))
      }
      return try ids.reduce(0) { count, id in
        let one = Condition(sql: "id = ?", values: [.int(id)])
        do {
          return try count + database.writeOrRefuse { try takeBack(one, $0) }
        } catch is RowRefusal { return count }
      }
    }
  }
}
