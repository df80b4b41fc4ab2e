import Common
import GRDB

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
        "the trigger \(names.joined(separator: " or ")) discards the change when rows of index_documents "
          + "they are claimed; see that it lets UPDATE pass"), code: .configuration)
  }
}
