-- What to look at while a download runs. Load it once:
--   psql -f sql/views.postgresql.sql
-- then, as often as you like:
--   watch -n 10 'psql -c "SELECT * FROM conveyor_progress"'
-- The views only read; DROP VIEW removes them. Times are those of the users' columns: the
-- session's time zone, without saying which.

CREATE OR REPLACE VIEW conveyor_progress AS
-- The type is that of the column: a view that is there can only be replaced by one of its types.
SELECT (CASE WHEN download_status = 'failed' AND error_class = 'absent' THEN 'absent'
    ELSE COALESCE(download_status, 'no status') END)::varchar(50) AS status, COUNT(*) AS documents,
  ROUND(100.0 * COUNT(*) / SUM(COUNT(*)) OVER (), 2) AS percent
FROM index_documents GROUP BY 1;

-- What became of documents in the last ten minutes.
CREATE OR REPLACE VIEW conveyor_recent AS
SELECT id, book, page, download_status AS status, download_attempts AS attempts,
  error_class, download_error AS error, updated_at
FROM index_documents WHERE updated_at > LOCALTIMESTAMP - INTERVAL '10 minutes'
ORDER BY updated_at DESC;

-- The last hour in steps of five minutes.
CREATE OR REPLACE VIEW conveyor_throughput AS
SELECT date_bin('5 minutes', downloaded_at, TIMESTAMP '2000-01-01') AS since, COUNT(*) AS completed, COUNT(*) * 12 AS per_hour,
  SUM(content_bytes) AS bytes
FROM index_documents
WHERE download_status = 'completed' AND downloaded_at > LOCALTIMESTAMP - INTERVAL '1 hour'
GROUP BY 1 ORDER BY 1;

-- Errors of documents that failed or are to be tried again, most frequent first. That the portal does
-- not have a document ('absent') is an answer: conveyor_progress counts it apart.
CREATE OR REPLACE VIEW conveyor_errors AS
SELECT COALESCE(error_class, 'unclassified') AS class, download_error AS error,
  download_status AS status, COUNT(*) AS documents
FROM index_documents
WHERE (download_status = 'failed' OR (download_status = 'pending' AND download_error IS NOT NULL))
  AND NOT (download_status = 'failed' AND COALESCE(error_class, '') = 'absent')
GROUP BY 1, 2, 3 ORDER BY 4 DESC;

-- Where the portal's book and page differ from the index, by 500 books.
CREATE OR REPLACE VIEW conveyor_mismatches AS
SELECT book / 500 * 500 AS first_book, COUNT(*) AS completed,
  COUNT(*) FILTER (WHERE book_page_mismatch) AS mismatches,
  ROUND(100.0 * COUNT(*) FILTER (WHERE book_page_mismatch) / COUNT(*), 2) AS percent
FROM index_documents WHERE download_status = 'completed'
GROUP BY 1 ORDER BY 1;
