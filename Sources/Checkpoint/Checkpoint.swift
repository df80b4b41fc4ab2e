import SQLite
import Common
import GRDB

/// What `fetch` remembers of each document, so that a second run skips what is there. The table is
/// described in docs/fetch.md; users may query it with `sqlite3`.
package final class Checkpoint: Sendable {
  let path: String
  let queue: DatabaseQueue
  private let commits: CommitQueue<Entry>
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
    /// What the kernel said of the spool file when it was written; see ``FileStamp``.
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

  /// Opens or creates the file. At most `waiting` documents wait for their commit. Throws with exit code 74.
  package init(path: String, waiting: Int = 16) throws(Fatal) {
    self.path = path
    let queue = try Self.open(path)
    self.queue = queue
    lookups = GroupCommit { try Self.entries($0, queue, path) }
    let known = KnownIDs()
    self.known = known
    let first = try StateDatabase.guarded(path, "checkpoint") {
      try queue.unsafeRead { try Self.ids(after: nil, $0) }
    }
    known.insert(first)
    if first.count < Self.idsAtOnce { known.complete() }
    commits = CommitQueue(limit: waiting) { entries in
      try StateDatabase.guarded(path, "checkpoint") {
        try queue.writeWithoutTransaction { db in
          try StateDatabase.inShortTransaction(db, isWriting: true) {
            let statement = try db.cachedStatement(sql: Self.upsert)
            for entry in entries { try entry.save(by: statement, db) }
          }
        }
      }
      known.insert(entries.lazy.map(\.id))
    }
    if let last = first.last, first.count >= Self.idsAtOnce {
      // Without them each document costs a look-up, and no more: the run need not wait.
      _ = startThread { Self.read(path, idsAfter: last, into: known) }
    }
  }

  /// Ids that are read at a time: a writer waits for no more.
  private static let idsAtOnce = 20_000

  private static func read(_ path: String, idsAfter first: String, into known: KnownIDs) {
    guard let queue = try? open(path) else { return }
    var last = first
    while let ids = try? queue.unsafeRead({ [last] in try Self.ids(after: last, $0) }) {
      known.insert(ids)
      guard let end = ids.last else { return known.complete() }
      last = end
    }
  }

  private static func ids(after id: String?, _ db: Database) throws -> [String] {
    try String.fetchAll(
      db,
      sql: """
        SELECT id FROM entries WHERE typeof(id) = 'text' AND id \(id == nil ? ">=" : ">") ?
        ORDER BY id LIMIT \(idsAtOnce)
        """, arguments: [id ?? ""])
  }

  static func open(_ path: String) throws(Fatal) -> DatabaseQueue {
    let queue = try StateDatabase.open(
      path, "checkpoint", synchronous: "FULL", schema: schema, functions: StoredValues.functions)
    // What a step of the schema has left empty goes back to the disk. Where it cannot (no room for a copy), the file
    // stays as large as it was.
    try? queue.writeWithoutTransaction { db in
      let empty = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
      let all = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
      if empty > 1000, empty > all / 3 { try db.execute(sql: "VACUUM") }
    }
    return queue
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
    """
    UPDATE documents SET request = without_empty_fields(request)
    WHERE substr(request, 1, length(portal) + 2) = portal || ': '
    """,
    // Values that are shorter than their words (``StoredValues``), and the words for people.
    """
    CREATE TABLE entries (
      id TEXT PRIMARY KEY,
      request TEXT NOT NULL, url TEXT NOT NULL, http_status INTEGER, etag TEXT, last_modified BLOB,
      bytes INTEGER, sha256 BLOB, path TEXT,
      images INTEGER NOT NULL, portal TEXT, actual_book INTEGER, actual_page INTEGER,
      error_class TEXT, error TEXT, at BLOB NOT NULL, seconds REAL NOT NULL, stamp TEXT, pages INTEGER,
      encrypted INTEGER NOT NULL, content_type TEXT, attempts INTEGER NOT NULL
    );
    INSERT INTO entries
    SELECT id, request, url, http_status, etag, kept_date(last_modified), bytes, kept_digest(sha256),
      kept_path(id, path), images, portal, actual_book, actual_page, error_class, error, kept_time(at), seconds,
      kept_stamp(stamp), pages, encrypted, content_type, attempts
    FROM documents ORDER BY rowid;
    DROP TABLE documents;
    CREATE VIEW documents AS
    SELECT id, request, url, http_status, etag,
      CASE typeof(last_modified) WHEN 'integer' THEN
        substr('SunMonTueWedThuFriSat', 1 + 3 * strftime('%w', last_modified, 'unixepoch'), 3)
        || strftime(', %d ', last_modified, 'unixepoch')
        || substr('JanFebMarAprMayJunJulAugSepOctNovDec', 3 * strftime('%m', last_modified, 'unixepoch') - 2, 3)
        || strftime(' %Y %H:%M:%S GMT', last_modified, 'unixepoch')
        ELSE last_modified END AS last_modified,
      bytes, CASE typeof(sha256) WHEN 'blob' THEN lower(hex(sha256)) ELSE sha256 END AS sha256,
      CASE WHEN path = '' THEN NULL WHEN path IS NOT NULL OR id GLOB '*[^0-9]*' THEN path
        ELSE CASE WHEN length(id) > 2 THEN substr(id, 1, length(id) - 2) ELSE '0' END || '/' || id || '.pdf'
        END AS path,
      images, portal, actual_book, actual_page, error_class, error, attempts,
      CASE typeof(at) WHEN 'integer' THEN
        strftime('%Y-%m-%dT%H:%M:%S', at / 1000, 'unixepoch') || printf('.%03dZ', at % 1000)
        ELSE at END AS at,
      seconds, stamp, pages, encrypted, content_type
    FROM entries
    """,
  ]

  /// What is known of a document; `nil` for one that was never tried.
  package func entry(_ id: String) throws(Fatal) -> Entry? {
    guard known.mayContain(id) else { return nil }
    return try lookups.submit(id)
  }

  /// What is known of documents, in the same order, all with one look.
  package func entries(_ ids: [String]) throws(Fatal) -> [Entry?] {
    try Self.entries(ids, queue, path)
  }

  /// Whether anything may be known of documents, in the same order; false is certain, and costs no look.
  package func mayKnow(_ ids: [String]) -> [Bool] { known.mayContain(ids) }

  private static func entries(
    _ ids: [String], _ queue: DatabaseQueue, _ path: String
  ) throws(Fatal) -> [Entry?] {
    try StateDatabase.guarded(path, "checkpoint") {
      try queue.unsafeRead { db in
        // Nearly all of what a look-up costs is locking the file.
        try StateDatabase.inShortTransaction(db, isWriting: false) {
          let statement = try db.cachedStatement(sql: selectOne)
          return try ids.map { try Entry(id: $0, by: statement, db) }
        }
      }
    }
  }

  func read<T: Sendable>(_ body: @Sendable (Database) throws -> T) throws(Fatal) -> T {
    try StateDatabase.guarded(path, "checkpoint") { try queue.unsafeRead(body) }
  }

  /// Remembers a document; returns when that is on disk.
  package func remember(_ entry: Entry) throws(Fatal) {
    try commits.submit(entry)
  }

  /// Remembers a document, and calls `completion` when that is on disk: whoever fetched it goes on meanwhile. Waits
  /// where too many do, so that no more can be lost than what is being fetched and what waits (promise P3).
  package func remember(
    _ entry: Entry, then completion: @escaping CommitQueue<Entry>.Completion
  ) {
    commits.submit(entry, then: completion)
  }

  private static let selectOne =
    "SELECT \(Entry.columns.joined(separator: ", ")) FROM entries WHERE id = ?"

  private static let upsert: String = {
    let columns = Entry.columns.joined(separator: ", ")
    let places = Entry.columns.map { _ in "?" }.joined(separator: ", ")
    let updates = Entry.columns.dropFirst().map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    return """
      INSERT INTO entries (\(columns), attempts) VALUES (\(places), 1)
      ON CONFLICT (id) DO UPDATE SET \(updates), attempts = attempts + 1
      """
  }()
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
