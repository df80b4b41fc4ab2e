import Common
import Postgres

/// What our software needs of the table in PostgreSQL, and how a table gets it.
///
/// The users' table is filled and in use: nothing here rewrites it or holds it locked for more than a
/// moment. Columns are added without values, or with constant ones, which PostgreSQL keeps in its
/// catalogue from version 11 on; indexes are built CONCURRENTLY.
enum PostgresSchema {
  /// One numbered change; each is made once, and harmless when it was made by hand before.
  struct Step: Sendable {
    let version: Int
    /// The file in `sql/migrations` that has the same text, for those who run it by hand.
    let file: String
    let sql: String
    /// Whether it is one transaction: an index cannot be built CONCURRENTLY in one.
    var isTransaction = true

    var statements: [String] {
      sql.split(separator: ";\n").map { statement in
        statement.split(separator: "\n").filter { !$0.hasPrefix("--") }.joined(separator: "\n")
      }.filter { !$0.isEmpty }
    }
  }

  /// A statement that builds an index, in its parts.
  struct IndexWords {
    let name: String
    /// From the columns on.
    let rest: String

    /// Reads `CREATE INDEX CONCURRENTLY IF NOT EXISTS name ON index_documents (…) …`.
    init?(_ statement: String) {
      let words = statement.split(whereSeparator: \.isWhitespace)
      guard words.starts(with: ["CREATE", "INDEX", "CONCURRENTLY", "IF", "NOT", "EXISTS"]),
        words.count > 9
      else { return nil }
      name = String(words[6])
      rest = words[9...].joined(separator: " ")
    }
  }

  /// What we add to the users' table.
  static let added = SQLiteSchema.added.map(\.name) + ["last_lease_token"]

  static let steps = [
    Step(version: 1, file: "1-leases.sql", sql: leases),
    Step(version: 2, file: "2-indexes.sql", sql: indexes, isTransaction: false),
    Step(version: 3, file: "3-report.sql", sql: reportIndexes, isTransaction: false),
    Step(version: 4, file: "4-md5.sql", sql: md5),
    Step(version: 5, file: "5-optimize.sql", sql: optimize),
  ]

  private static let leases = """
    -- The lease of a document in progress, when it is tried again, and the proof of what is stored.
    ALTER TABLE index_documents
      ADD COLUMN IF NOT EXISTS lease_token text,
      ADD COLUMN IF NOT EXISTS lease_owner text,
      ADD COLUMN IF NOT EXISTS lease_expires_at timestamptz,
      ADD COLUMN IF NOT EXISTS next_attempt_at timestamptz,
      ADD COLUMN IF NOT EXISTS content_sha256 text,
      ADD COLUMN IF NOT EXISTS content_bytes bigint,
      ADD COLUMN IF NOT EXISTS original_bytes bigint,
      ADD COLUMN IF NOT EXISTS error_class text,
      ADD COLUMN IF NOT EXISTS retrying boolean NOT NULL DEFAULT FALSE,
      ADD COLUMN IF NOT EXISTS lost_leases integer NOT NULL DEFAULT 0,
      ADD COLUMN IF NOT EXISTS last_lease_token text;

    """

  private static let indexes = """
    -- The order of claims, over pending documents only: small, and smaller with each one that is done.
    CREATE INDEX CONCURRENTLY IF NOT EXISTS index_documents_pending
      ON index_documents (download_priority, book, page) WHERE download_status = 'pending';
    CREATE INDEX CONCURRENTLY IF NOT EXISTS index_documents_in_progress
      ON index_documents (lease_owner) WHERE download_status = 'in_progress';

    """

  private static let md5 = """
    -- What buckets know of an object, so that all of them can be compared by listing the bucket.
    ALTER TABLE index_documents ADD COLUMN IF NOT EXISTS content_md5 text;

    """

  private static let optimize = """
    -- What optimize did to a document, why a result was rejected, and the size of that result.
    ALTER TABLE index_documents
      ADD COLUMN IF NOT EXISTS optimize_outcome text,
      ADD COLUMN IF NOT EXISTS optimize_reason text,
      ADD COLUMN IF NOT EXISTS optimize_rejected_bytes bigint;

    """

  private static let reportIndexes = """
    -- What was completed when, and what failed when: the last hour of a million documents without
    -- reading the others.
    CREATE INDEX CONCURRENTLY IF NOT EXISTS index_documents_completed
      ON index_documents (downloaded_at) WHERE download_status = 'completed';
    CREATE INDEX CONCURRENTLY IF NOT EXISTS index_documents_troubled
      ON index_documents (updated_at)
      WHERE download_status = 'failed' OR download_error IS NOT NULL;

    """

  /// All of our indexes. One whose building was cut off stays behind, invalid.
  static let indexNames = [
    "index_documents_pending", "index_documents_in_progress", "index_documents_completed",
    "index_documents_troubled",
  ]

  /// A document in progress without a living worker: its lease has expired, or software that
  /// sets none left it for over 30 minutes.
  static let stale = """
    ((lease_token IS NULL AND COALESCE(updated_at, '-infinity') <= LOCALTIMESTAMP - INTERVAL '30 minutes')
      OR (lease_token IS NOT NULL AND COALESCE(lease_expires_at, '-infinity') <= now()))
    """

  /// The table as the users have it, for an index from nothing.
  static let create = [
    """
    CREATE TABLE index_documents (
      id bigserial PRIMARY KEY,
      source varchar(50) NOT NULL,
      source_file text,
      import_date timestamp,
      gin bigint,
      instrument_number bigint,
      book_volume varchar(50),
      book integer NOT NULL CHECK (book > 0),
      page integer NOT NULL CHECK (page > 0),
      instrument_type_raw text,
      instrument_type_parsed varchar(100),
      document_type varchar(100),
      file_date text,
      num_pages integer,
      grantor_party text,
      grantee_party text,
      description text,
      legals text,
      sub_div text,
      lot text,
      sec text,
      town text,
      rng text,
      download_status varchar(50) NOT NULL DEFAULT 'pending' CHECK (
        download_status IN ('pending', 'in_progress', 'completed', 'failed', 'skipped')),
      download_priority integer NOT NULL DEFAULT 3,
      download_attempts integer NOT NULL DEFAULT 0,
      downloaded_at timestamp,
      download_error text,
      gcs_path text,
      actual_book integer,
      actual_page integer,
      book_page_mismatch boolean NOT NULL DEFAULT FALSE,
      created_at timestamp DEFAULT LOCALTIMESTAMP,
      updated_at timestamp DEFAULT LOCALTIMESTAMP,
      UNIQUE (book, page, source)
    )
    """,
    """
    CREATE OR REPLACE FUNCTION index_documents_set_updated_at() RETURNS trigger AS $$
    BEGIN
      NEW.updated_at = LOCALTIMESTAMP;
      RETURN NEW;
    END;
    $$ LANGUAGE plpgsql
    """,
    """
    CREATE TRIGGER index_documents_updated_at BEFORE UPDATE ON index_documents
      FOR EACH ROW EXECUTE FUNCTION index_documents_set_updated_at()
    """,
  ]
}
