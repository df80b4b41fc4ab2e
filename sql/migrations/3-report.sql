-- What was completed when, and what failed when: the last hour of a million documents without
-- reading the others.
CREATE INDEX CONCURRENTLY IF NOT EXISTS index_documents_completed
  ON index_documents (downloaded_at) WHERE download_status = 'completed';
CREATE INDEX CONCURRENTLY IF NOT EXISTS index_documents_troubled
  ON index_documents (updated_at)
  WHERE download_status = 'failed' OR download_error IS NOT NULL;
