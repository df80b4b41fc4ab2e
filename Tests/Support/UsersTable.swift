/// The table as a user has it before our software comes: with a constraint, a trigger, a view, and
/// many columns that are none of our business.
package enum UsersTable {
  /// Columns that have to stay as they are.
  package static let others = [
    "grantor_2", "grantee_2", "cross_party", "mortgage_amount", "consideration", "instrument_seq",
    "return_to", "prepared_by", "recorded_time", "recorded_by", "batch", "clerk", "fee", "tax",
    "related_book", "related_page", "related_instrument", "release_book", "release_page", "block",
    "unit", "phase", "quarter", "quarter_quarter", "acreage", "parcel", "survey", "plat_book",
    "plat_page", "remarks_1", "remarks_2", "remarks_3", "verified_by", "verified_on", "county",
    "district", "microfilm_roll", "microfilm_frame", "export_key", "export_hash",
  ]

  /// Makes it, and what hangs on it.
  package static let sql = """
    CREATE TABLE index_documents (
      id bigserial PRIMARY KEY,
      source varchar(50) NOT NULL,
      source_file varchar(255),
      import_date timestamp DEFAULT CURRENT_TIMESTAMP,
      gin bigint,
      instrument_number bigint,
      book_volume varchar(50),
      book integer NOT NULL CHECK (book > 0),
      page integer NOT NULL CHECK (page > 0),
      instrument_type_raw text,
      instrument_type_parsed varchar(100),
      document_type varchar(100),
      file_date date,
      num_pages integer,
      grantor_party text, grantee_party text, description text, legals text, sub_div text,
      lot text, sec text, town text, rng text,
      \(others.map { "\($0) text" }.joined(separator: ", ")),
      download_status varchar(50) DEFAULT 'pending',
      download_priority integer DEFAULT 3,
      download_attempts integer DEFAULT 0,
      downloaded_at timestamp,
      download_error text,
      gcs_path text,
      actual_book integer,
      actual_page integer,
      book_page_mismatch boolean DEFAULT false,
      created_at timestamp DEFAULT CURRENT_TIMESTAMP,
      updated_at timestamp DEFAULT CURRENT_TIMESTAMP,
      CONSTRAINT valid_download_status CHECK (
        download_status IN ('pending', 'in_progress', 'completed', 'failed', 'skipped')),
      CONSTRAINT unique_document UNIQUE (source, book, page)
    );
    CREATE INDEX idx_download_status ON index_documents (download_status);
    CREATE FUNCTION update_updated_at() RETURNS trigger AS $$
    BEGIN
      NEW.updated_at = CURRENT_TIMESTAMP;
      RETURN NEW;
    END;
    $$ LANGUAGE plpgsql;
    CREATE TRIGGER update_index_documents BEFORE UPDATE ON index_documents
      FOR EACH ROW EXECUTE FUNCTION update_updated_at();
    CREATE VIEW documents_by_status AS
      SELECT download_status, COUNT(*) AS documents FROM index_documents GROUP BY 1;
    CREATE VIEW everything AS SELECT * FROM index_documents;
    """
}
