import SQLite
import Common
import GRDB

/// What `fetch` remembers of each document, so that a second run skips what is there. The table is
/// described in docs/fetch.md; users may query it with `sqlite3`.
package final class Checkpoint: Sendable {
  private let path: String
  private let queue: DatabaseQueue
  private let commits: GroupCommit<Entry, Void>
  private let lookups: GroupCommit<String, Entry?>
  private let known: KnownIDs

  package struct Entry: Sendable, Equatable {
    /// The document's id in the index.
    package var id: String
    /// What was asked for first: the same again for the same document (without the portal's host).
    package var request = ""
    /// Where the document itself came from.
    package var url = ""
    /// The last answer's status code.
    package var httpStatus: Int?
    /// The portal's validators, for conditional requests.
    package var etag: String?
    /// The portal's date of the document.
    package var lastModified: String?
    /// Size of the spool file, in bytes; `nil` until it is there.
    package var bytes: Int?
    /// SHA-256 of the spool file.
    package var sha256: String?
    package var path: String?
    /// What the kernel said of the spool file when it was written; see `FileStamp` of `fetch`.
    package var stamp: String?
    /// How many images it was merged from.
    package var images = 1
    /// Pages of the document, where they could be counted.
    package var pages: Int?
    /// Whether it opens only with a password.
    package var isEncrypted = false
    /// What came from the portal, where that was made into a PDF: `image/tiff`.
    package var contentType: String?
    /// The portal file that it was fetched by.
    package var portal: String?
    /// What the portal says the book is.
    package var actualBook: Int?
    /// What the portal says the page is.
    package var actualPage: Int?
    /// Class of the last error; `nil` once it is there.
    package var errorClass: String?
    package var error: String?
    /// When, RFC 3339 in UTC.
    package var at = ""
    /// How long it took, in seconds.
    package var seconds = 0.0

    /// An entry with nothing but an id.
    package init(id: String) { self.id = id }
  }

  /// Opens or creates the file. Throws with exit code 74.
  package init(path: String) throws(Fatal) {
    self.path = path
    let queue = try StateDatabase.open(
      path, "checkpoint", synchronous: "FULL", schema: Self.schema)
    self.queue = queue
    let hashes = try StateDatabase.guarded(path, "checkpoint") {
      try queue.unsafeRead { db in
        var hashes = Set<Int>()
        let ids = try String.fetchCursor(db, sql: "SELECT id FROM documents")
        while let id = try ids.next() { hashes.insert(id.hashValue) }
        return hashes
      }
    }
    let known = KnownIDs(hashes)
    self.known = known
    lookups = GroupCommit { ids in
      try StateDatabase.guarded(path, "checkpoint") {
        try queue.unsafeRead { db in
          // Nearly all of what a look-up costs is locking the file.
          try StateDatabase.inShortTransaction(db, isWriting: false) {
            let statement = try db.cachedStatement(sql: Self.selectOne)
            return try ids.map { try Entry(id: $0, by: statement, db) }
          }
        }
      }
    }
    commits = GroupCommit { entries in
      try StateDatabase.guarded(path, "checkpoint") {
        try queue.writeWithoutTransaction { db in
          try StateDatabase.inShortTransaction(db, isWriting: true) {
            let statement = try db.cachedStatement(sql: Self.upsert)
            for entry in entries { try entry.save(by: statement, db) }
          }
        }
      }
      known.insert(entries.lazy.map(\.id))
      return entries.map { _ in }
    }
  }

  static let schema = [
    """
    CREATE TABLE documents (
      id TEXT PRIMARY KEY,
      request TEXT NOT NULL, url TEXT NOT NULL, http_status INTEGER, etag TEXT, last_modified TEXT,
      bytes INTEGER, sha256 TEXT, path TEXT,
      images INTEGER NOT NULL, portal TEXT, actual_book INTEGER, actual_page INTEGER,
      error_class TEXT, error TEXT,
      attempts INTEGER NOT NULL, at TEXT NOT NULL, seconds REAL NOT NULL
    )
    """,
    "ALTER TABLE documents ADD COLUMN stamp TEXT",
    """
    ALTER TABLE documents ADD COLUMN pages INTEGER;
    ALTER TABLE documents ADD COLUMN encrypted INTEGER NOT NULL DEFAULT 0
    """,
    "ALTER TABLE documents ADD COLUMN content_type TEXT",
  ]

  /// What is known of a document; `nil` for one that was never tried.
  package func entry(_ id: String) throws(Fatal) -> Entry? {
    guard known.mayContain(id) else { return nil }
    return try lookups.submit(id)
  }

  func read<T: Sendable>(_ body: @Sendable (Database) throws -> T) throws(Fatal) -> T {
    try StateDatabase.guarded(path, "checkpoint") { try queue.unsafeRead(body) }
  }

  /// Remembers a document; returns when that is on disk, so that no more than what other threads
  /// are at can be lost (promise P3).
  package func remember(_ entry: Entry) throws(Fatal) {
    try commits.submit(entry)
  }

  private static let selectOne =
    "SELECT \(Entry.columns.joined(separator: ", ")) FROM documents WHERE id = ?"

  private static let upsert: String = {
    let columns = Entry.columns.joined(separator: ", ")
    let places = Entry.columns.map { _ in "?" }.joined(separator: ", ")
    let updates = Entry.columns.dropFirst().map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    return """
      INSERT INTO documents (\(columns), attempts) VALUES (\(places), 1)
      ON CONFLICT (id) DO UPDATE SET \(updates), attempts = attempts + 1
      """
  }()
}

/// Hashes of ids: of those that have a row, so that a document that was never tried, the most frequent
/// case, costs no query. 8 bytes each, and some room.
package final class KnownIDs: Sendable {
  private let hashes: Lock<Set<Int>>

  /// Those with these hashes, to begin with.
  package init(_ hashes: consuming sending Set<Int>) { self.hashes = Lock(hashes) }

  /// Whether an id may be one of them; false is certain.
  package func mayContain(_ id: String) -> Bool {
    let hash = id.hashValue
    return hashes.withLock { $0.contains(hash) }
  }

  /// Adds ids, all with one lock: many threads ask at the same time.
  package func insert(_ ids: some Sequence<String>) {
    let new = ids.map(\.hashValue)
    hashes.withLock { $0.formUnion(new) }
  }
}

extension Checkpoint {
  /// What is remembered, by outcome.
  package struct Summary: Sendable {
    package var fetched = 0
    /// Their bytes.
    package var bytes = 0
    /// Documents whose last attempt failed, by class, most frequent first.
    package var errors: [(kind: String, count: Int)] = []
  }

  package func summary() throws(Fatal) -> Summary {
    try read { db in
      var summary = Summary()
      let there = try Row.fetchOne(
        db,
        sql: """
          SELECT count(*), sum(bytes) FILTER (WHERE bytes BETWEEN 0 AND 1 << 40)
          FROM documents WHERE error_class IS NULL
          """)
      summary.fetched = there?[0] ?? 0
      summary.bytes = there.flatMap { Int.fromDatabaseValue($0[1]) } ?? 0
      summary.errors = try Row.fetchAll(
        db,
        sql: """
          SELECT error_class, count(*) FROM documents WHERE error_class IS NOT NULL
          GROUP BY error_class ORDER BY 2 DESC, 1
          """
      ).map { (String.fromDatabaseValue($0[0]) ?? "?", $0[1]) }
      return summary
    }
  }
}
