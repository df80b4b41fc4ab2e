import SQLite
import Common
import GRDB
import Glibc

/// What `fetch` has brought, in pages, so that memory does not grow with it. Belongs to one thread.
package final class FetchedPages {
  private static let page = 5000

  /// A document that was fetched.
  package struct Document: Sendable, Equatable {
    /// Its id in the index.
    package let id: String
    /// Where its file was put.
    package let path: String?
    /// Size of that file, in bytes.
    package let bytes: Int?
  }

  private let path: String
  private let queue: DatabaseQueue
  private var last = ""

  /// Opens the checkpoint of a state directory; `nil` where nothing was ever fetched. Throws with
  /// exit code 74.
  package init?(state directory: String) throws(Fatal) {
    path = "\(directory)/checkpoint.sqlite"
    guard access(path, F_OK) == 0 else { return nil }
    queue = try Checkpoint.open(path)
  }

  /// The next documents, by id; `nil` at the end, and never an empty page.
  package func next() throws(Fatal) -> [Document]? {
    let documents = try StateDatabase.guarded(path, "checkpoint") {
      try queue.read { db in
        try Row.fetchAll(
          db,
          sql: """
            SELECT id, path, bytes FROM documents WHERE error_class IS NULL AND id > ?
            ORDER BY id LIMIT ?
            """, arguments: [last, Self.page]
        ).compactMap { row in
          // Anybody may have written into the file: a value of another type is none.
          String.fromDatabaseValue(row[0]).map {
            Document(
              id: $0, path: String.fromDatabaseValue(row[1]), bytes: Int.fromDatabaseValue(row[2]))
          }
        }
      }
    }
    guard let end = documents.last else { return nil }
    last = end.id
    return documents
  }
}
