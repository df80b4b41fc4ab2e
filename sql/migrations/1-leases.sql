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
