import Common
import Postgres
import Stages

// Claiming: from pending to in progress, and back.
extension PostgresIndex {
  /// See ``DocumentIndex/claim(_:for:count:)``.
  ///
  /// The first half of each token is this claim's own: asked again after a lost answer, it finds what
  /// it had already been given.
  public func claim(_ selection: Selection, for run: Run, count: Int) throws -> [Record] {
    guard count > 0 else { return [] }
    let mark = Format.padded(String(UInt64.random(in: 0...UInt64.max), radix: 16), 16)
    let rows = try pool.use { connection, isRepeat in
      if isRepeat {
        let earlier = try connection.query(
          """
          SELECT \(RecordFields.selected), lease_token FROM index_documents
          WHERE download_status = 'in_progress' AND lease_owner = ? AND left(lease_token, 16) = ?
          """, [.text(run.owner), .text(mark)])
        if !earlier.values.isEmpty { return earlier.values }
      }
      let trusted = ClaimStatement(selection, run, .trusted, count: count, mark: mark)
      let found = try connection.query(trusted.sql, trusted.values).values
      guard found.isEmpty else { return found }
      let suspect = ClaimStatement(selection, run, .suspect, count: 1, mark: mark)
      return try connection.query(suspect.sql, suspect.values).values
    }
    // RETURNING promises no order.
    return rows.compactMap { ClaimedRow($0, run: run) }.sorted { $0.order < $1.order }.map(\.record)
  }

  /// See ``DocumentIndex/preview(_:count:after:)``.
  public func preview(
    _ selection: Selection, count: Int, after position: PreviewPosition?
  ) throws -> [Record] {
    let upcoming = selection.upcoming
    let after = position.map { [$0.priority, $0.book, $0.page, $0.id] } ?? []
    return try pool.query(
      """
      SELECT \(RecordFields.selected), NULL FROM index_documents
      WHERE \(upcoming.sql)
        \(position == nil ? "" : "AND (download_priority, book, page, id) > (?, ?, ?, ?)")
      ORDER BY download_priority, book, page, id LIMIT ?
      """, upcoming.values + after.map { .int($0) } + [.int(count)]
    ).values.compactMap { ClaimedRow($0, run: nil)?.record }
  }

  /// See ``DocumentIndex/renewLeases(of:)``.
  public func renewLeases(of run: Run) throws -> Int {
    try pool.query(
      """
      UPDATE index_documents SET lease_expires_at = now() + make_interval(secs => ?)
      WHERE download_status = 'in_progress' AND lease_owner = ?
      """, [.text(Format.fixed(run.leaseSeconds, 3)), .text(run.owner)]
    ).affected
  }

  /// See ``DocumentIndex/release(_:)``.
  public func release(_ leases: [Lease]) throws {
    let known = leases.filter { Int64($0.id) != nil }
    guard !known.isEmpty else { return }
    _ = try pool.query(
      """
      UPDATE index_documents AS d SET \(Self.given)
      FROM unnest(?::bigint[], ?::text[]) AS w (id, token)
      WHERE d.id = w.id AND d.lease_token = w.token AND (d.download_status = 'in_progress') IS TRUE
      """, [.text(arrayLiteral(known.map(\.id))), .text(arrayLiteral(known.map(\.token)))])
  }

  /// See ``DocumentIndex/releaseAll(of:)``.
  public func releaseAll(of run: Run) throws -> Int {
    try pool.query(
      """
      UPDATE index_documents AS d SET \(Self.given)
      WHERE lease_owner = ? AND download_status = 'in_progress'
      """, [.text(run.owner)]
    ).affected
  }

  private static let given = """
    download_status = 'pending', download_attempts = GREATEST(d.download_attempts - 1, 0),
    lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL
    """
}
