import Common
import GRDB

/// Looks documents up in the checkpoint. Belongs to one thread, and has a connection of its own, so
/// that nobody waits for another's look-up: with one for all, five threads had half the lines in a second.
public final class CheckpointReader {
  private let checkpoint: Checkpoint
  private var queue: DatabaseQueue?

  init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

  /// What is known of a document; `nil` for one that was never tried. Throws with exit code 74.
  public func entry(_ id: String) throws(Fatal) -> Checkpoint.Entry? {
    guard checkpoint.known.mayContain(id) else { return nil }
    return try StateDatabase.guarded(checkpoint.path, "checkpoint") {
      try connection().unsafeRead { db in
        try Checkpoint.Entry(id: id, by: db.cachedStatement(sql: Checkpoint.selectOne), db)
      }
    }
  }

  /// Opened when there is something to be looked up, which in a first run there never is.
  private func connection() throws -> DatabaseQueue {
    if let queue { return queue }
    // SQLite keeps 2 MB of pages for each connection, and there may be 256.
    let opened = try StateDatabase.connect(checkpoint.path, "PRAGMA cache_size = -256")
    queue = opened
    return opened
  }
}
