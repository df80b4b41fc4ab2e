import Common
import GRDB

/// The table `index_documents` in SQLite, and how a file gets it.
///
/// The columns are those of the users' PostgreSQL table and, at the end, ``added``. Times are UTC texts by
/// SQLite's own clock, `2026-11-23 18:30:35.123`, which compare as texts.
enum SQLiteSchema {
  static let table = "index_documents"

  /// Now, as the table writes it.
  static let now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"

  /// So many seconds from now: takes one bound text, see ``seconds(_:)``.
  static let later = "strftime('%Y-%m-%d %H:%M:%f', 'now', ?)"

  /// A span as SQLite's date functions take it.
  static func seconds(_ value: Double) -> String {
    (value < 0 ? "" : "+") + Format.fixed(value.isFinite ? value : 0, 3) + " seconds"
  }

  /// A document in progress without a living worker: its lease has expired, or software that
  /// sets none left it for over 30 minutes.
  static let stale = """
    ((lease_token IS NULL
        AND COALESCE(updated_at, '') <= strftime('%Y-%m-%d %H:%M:%f', 'now', '-30 minutes'))
      OR (lease_token IS NOT NULL AND COALESCE(lease_expires_at, '') <= \(now)))
    """

  /// What a table has to have for us to work on it, but for ``added``.
  static let needed = [
    "id", "source", "gin", "instrument_number", "book_volume", "book", "page",
    "instrument_type_raw", "instrument_type_parsed", "document_type", "file_date", "num_pages",
    "download_status", "download_priority", "download_attempts", "downloaded_at",
    "download_error", "gcs_path", "actual_book", "actual_page", "book_page_mismatch",
    "updated_at",
  ]

  /// What we add to the users' table.
  static let added: [(name: String, type: String)] = [
    ("lease_token", "TEXT"), ("lease_owner", "TEXT"), ("lease_expires_at", "TEXT"),
    ("next_attempt_at", "TEXT"), ("content_sha256", "TEXT"), ("content_bytes", "INTEGER"),
    ("original_bytes", "INTEGER"), ("error_class", "TEXT"),
    ("retrying", "BOOLEAN NOT NULL DEFAULT FALSE"), ("lost_leases", "INTEGER NOT NULL DEFAULT 0"),
    ("content_md5", "TEXT"), ("optimize_outcome", "TEXT"), ("optimize_reason", "TEXT"),
    ("optimize_rejected_bytes", "INTEGER"),
  ]

  static let indexNames = [
    "index_documents_pending", "index_documents_in_progress", "index_documents_completed",
    "index_documents_troubled",
  ]

  static let migrator: DatabaseMigrator = {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1: documents and leases") { db in
      // A table made by other software stays as it is, except that it gets the missing columns.
      try db.execute(sql: create)
      try addMissingColumns(db)
      try db.execute(sql: indexes)
    }
    migrator.registerMigration("2: lost leases") { db in
      try addMissingColumns(db)
      try db.execute(sql: "DROP INDEX index_documents_pending; \(indexes)")
    }
    migrator.registerMigration("3: report") { db in try db.execute(sql: reportIndexes) }
    migrator.registerMigration("4: MD5") { db in try addMissingColumns(db) }
    migrator.registerMigration("5: optimize") { db in try addMissingColumns(db) }
    return migrator
  }()

  /// Makes what a file lacks that had it all once.
  static func addWhatIsMissing(_ db: Database) throws {
    try db.execute(sql: create)
    try addMissingColumns(db)
    try db.execute(sql: indexes)
    try db.execute(sql: reportIndexes)
  }

  private static func addMissingColumns(_ db: Database) throws {
    let present = Set(try db.columns(in: table).map(\.name))
    for column in added where !present.contains(column.name) {
      try db.execute(sql: "ALTER TABLE \(table) ADD COLUMN \(column.name) \(column.type)")
    }
  }

  // AUTOINCREMENT: an id also names a document outside, in checkpoints and spools, and must never
  // come to mean another one.
  private static let create = """
    CREATE TABLE IF NOT EXISTS index_documents (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      source TEXT NOT NULL,
      source_file TEXT,
      import_date TEXT,
      gin INTEGER,
      instrument_number INTEGER,
      book_volume TEXT,
      book INTEGER NOT NULL CHECK (book > 0),
      page INTEGER NOT NULL CHECK (page > 0),
      instrument_type_raw TEXT,
      instrument_type_parsed TEXT,
      document_type TEXT,
      file_date TEXT,
      num_pages INTEGER,
      grantor_party TEXT,
      grantee_party TEXT,
      description TEXT,
      legals TEXT,
      sub_div TEXT,
      lot TEXT,
      sec TEXT,
      town TEXT,
      rng TEXT,
      download_status TEXT NOT NULL DEFAULT 'pending' CHECK (
        download_status IN ('pending', 'in_progress', 'completed', 'failed', 'skipped')),
      download_priority INTEGER NOT NULL DEFAULT 3,
      download_attempts INTEGER NOT NULL DEFAULT 0,
      downloaded_at TEXT,
      download_error TEXT,
      gcs_path TEXT,
      actual_book INTEGER,
      actual_page INTEGER,
      book_page_mismatch BOOLEAN NOT NULL DEFAULT FALSE,
      created_at TEXT DEFAULT (\(now)),
      updated_at TEXT DEFAULT (\(now)),
      UNIQUE (book, page, source)
    )
    """

  // What was completed when, and what failed when: the last hour of a million documents without
  // reading the others.
  private static let reportIndexes = """
    CREATE INDEX IF NOT EXISTS index_documents_completed ON index_documents (downloaded_at)
      WHERE download_status = 'completed';
    CREATE INDEX IF NOT EXISTS index_documents_troubled ON index_documents (updated_at)
      WHERE download_status = 'failed' OR download_error IS NOT NULL;
    """

  // The index of pending documents holds all that a claim asks for, so that passing over those of
  // other stages does not read the table; download_status too, although it is the same in all of
  // them: SQLite 3.40 looks it up in the table otherwise (EXPLAIN QUERY PLAN: no COVERING).
  private static let indexes = """
    CREATE INDEX IF NOT EXISTS index_documents_pending ON index_documents (
      download_priority, book, page, instrument_type_parsed, source, next_attempt_at, retrying,
      lost_leases, download_status
    ) WHERE download_status = 'pending';
    CREATE INDEX IF NOT EXISTS index_documents_in_progress ON index_documents (lease_owner)
      WHERE download_status = 'in_progress';
    CREATE TRIGGER IF NOT EXISTS index_documents_updated_at AFTER UPDATE ON index_documents
      WHEN NEW.updated_at IS OLD.updated_at
    BEGIN
      UPDATE index_documents SET updated_at = \(now) WHERE id = NEW.id;
    END;
    """
}
