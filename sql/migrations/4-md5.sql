-- What buckets know of an object, so that all of them can be compared by listing the bucket.
ALTER TABLE index_documents ADD COLUMN IF NOT EXISTS content_md5 text;
