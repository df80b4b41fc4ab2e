-- What optimize did to a document, why a result was rejected, and the size of that result.
ALTER TABLE index_documents
  ADD COLUMN IF NOT EXISTS optimize_outcome text,
  ADD COLUMN IF NOT EXISTS optimize_reason text,
  ADD COLUMN IF NOT EXISTS optimize_rejected_bytes bigint;
