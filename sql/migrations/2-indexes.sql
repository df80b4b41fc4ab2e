-- The order of claims, over pending documents only: small, and smaller with each one that is done.
CREATE INDEX CONCURRENTLY IF NOT EXISTS index_documents_pending
  ON index_documents (download_priority, book, page) WHERE download_status = 'pending';
CREATE INDEX CONCURRENTLY IF NOT EXISTS index_documents_in_progress
  ON index_documents (lease_owner) WHERE download_status = 'in_progress';
