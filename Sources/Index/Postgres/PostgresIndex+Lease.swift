import Common
import Postgres

// Leases of a run: read, renewed, released.
extension PostgresIndex {
  /// See ``DocumentIndex/leases(of:)``.
  package func leases(of run: Run) throws -> [Lease] {
    try pool.query(
      """
      SELECT id, lease_token FROM index_documents
      WHERE download_status = 'in_progress' AND lease_owner = ? AND lease_token IS NOT NULL
      """, [.text(run.owner)]
    ).values.compactMap { row in
      row[0].flatMap { id in row[1].map { Lease(id: id, token: $0) } }
    }
  }

  /// See ``DocumentIndex/renew(_:of:)``.
  package func renew(_ leases: [Lease], of run: Run) throws -> Int {
    try change(leases, "lease_expires_at = now() + make_interval(secs => ?)") {
      [.text(Format.fixed(run.leaseSeconds, 3))]
    }
  }

  /// See ``DocumentIndex/release(_:)``.
  package func release(_ leases: [Lease]) throws { _ = try change(leases, Self.given) }

  /// Changes rows whose lease holds. One that is locked, or that the table refuses, costs only itself.
  private func change(
    _ leases: [Lease], _ change: String, _ values: @Sendable () -> [Condition.Value] = { [] }
  ) throws -> Int {
    let known = leases.filter { Int64($0.id) != nil }
    guard !known.isEmpty else { return 0 }
    return try pool.use(waitingForLocks: true) { connection, _ in
      func tokens(_ leases: [Lease]) -> Condition.Value { .text(arrayLiteral(leases.map(\.token))) }
      func run(_ leases: [Lease]) throws(PostgresError) -> Int {
        try connection.query(
          """
          UPDATE index_documents AS d SET \(change)
          WHERE d.id = ANY (ARRAY (
            SELECT l.id FROM index_documents AS l
            JOIN unnest(?::bigint[], ?::text[]) AS w (id, token)
              ON l.id = w.id AND l.lease_token = w.token
            WHERE (l.download_status = 'in_progress') IS TRUE FOR UPDATE OF l SKIP LOCKED))
            AND d.lease_token = ANY (?::text[])
          """, values() + [.text(arrayLiteral(leases.map(\.id))), tokens(leases), tokens(leases)]
        ).affected
      }
      do { return try run(known) } catch let error as PostgresError where error.isAboutData {
        return try known.reduce(0) { count, lease in
          do { return try count + run([lease]) } catch let error as PostgresError
            where error.isAboutData
          { return count }
        }
      }
    }
  }

  /// See ``DocumentIndex/releaseAll(of:)``.
  package func releaseAll(of run: Run) throws -> Int { try change(leases(of: run), Self.given) }

  private static let given = """
    download_status = 'pending', download_attempts = GREATEST(d.download_attempts - 1, 0),
    \(Lease.cleared)
    """
}
