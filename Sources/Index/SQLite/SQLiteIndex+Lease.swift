import Common
import GRDB

// Leases of a run: read, renewed, released.
extension SQLiteIndex {
  /// See ``DocumentIndex/leases(of:)``.
  package func leases(of run: Run) throws -> [Lease] {
    try database.read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT CAST(id AS TEXT), CAST(lease_token AS TEXT) FROM index_documents
          WHERE download_status = 'in_progress' AND lease_owner = ? AND lease_token IS NOT NULL
          """, arguments: [run.owner]
      ).map { Lease(id: $0[0], token: $0[1]) }
    }
  }

  /// See ``DocumentIndex/renew(_:of:)``.
  package func renew(_ leases: [Lease], of run: Run) throws -> Int {
    try change(
      leases, "lease_expires_at = \(SQLiteSchema.later)",
      [SQLiteSchema.seconds(run.leaseSeconds)])
  }

  /// See ``DocumentIndex/release(_:)``.
  package func release(_ leases: [Lease]) throws {
    _ = try change(
      leases,
      """
      download_status = 'pending', download_attempts = MAX(download_attempts - 1, 0),
      \(Lease.cleared)
      """, [])
  }

  /// Changes rows whose lease holds, in one transaction. One that the table refuses costs only itself.
  private func change(
    _ leases: [Lease], _ change: String, _ values: [any DatabaseValueConvertible]
  ) throws -> Int {
    guard !leases.isEmpty else { return 0 }
    func run(_ lease: Lease, _ db: Database) throws -> Int {
      guard let id = Int64(lease.id) else { return 0 }
      let statement = try db.cachedStatement(
        sql: """
          UPDATE index_documents SET \(change)
          WHERE id = ? AND lease_token = ? AND download_status = 'in_progress'
          """)
      try statement.execute(arguments: bound(values, [id, lease.token]))
      return db.changesCount
    }
    do {
      return try database.writeOrRefuse { db in
        try leases.reduce(0) { count, lease in try count + run(lease, db) }
      }
    } catch is RowRefusal {
      return try leases.reduce(0) { count, lease in
        do { return try count + database.writeOrRefuse { try run(lease, $0) } } catch is RowRefusal
        {
          return count
        }
      }
    }
  }

  /// See ``DocumentIndex/releaseAll(of:)``.
  package func releaseAll(of run: Run) throws -> Int {
    let leases = try leases(of: run)
    try release(leases)
    return leases.count
  }
}
