/// What `fetch` adds to a record (docs/record.schema.json). Members that it does not know stay.
package struct FetchResult: FileResult {
  package static let name = "fetch"
  package var members: JSONObject

  package init(members: JSONObject) { self.members = members }

  /// What a dry run adds: the requests that it would begin with.
  package init(dryRun requests: [String]) {
    members = [
      "dry_run": .bool(true), "requests": .array(requests.map(JSON.string)),
    ]
  }

  /// Where it came from, without secrets.
  package var url: String? {
    get { members[string: "url"] }
    set { members[string: "url"] = newValue }
  }
  package var httpStatus: Int? {
    get { members[int: "http_status"] }
    set { members[int: "http_status"] = newValue }
  }
  /// The name of the portal file; `nil` where the record named a URL.
  package var portal: String? {
    get { members[string: "portal"] }
    set { members[string: "portal"] = newValue }
  }
  /// How many scans the portal had for the document.
  package var images: Int? {
    get { members[int: "images"] }
    set { members[int: "images"] = newValue }
  }
  /// Whether the index says another number of pages.
  package var isPageCountMismatch: Bool? {
    get { members[bool: "page_count_mismatch"] }
    set { members[bool: "page_count_mismatch"] = newValue }
  }
  /// Whether it opens only with a password.
  package var isEncrypted: Bool {
    get { members[bool: "encrypted"] ?? false }
    set { members[bool: "encrypted"] = newValue ? true : nil }
  }
  /// The book that the portal says it is in.
  package var actualBook: Int? {
    get { members[int: "actual_book"] }
    set { members[int: "actual_book"] = newValue }
  }
  /// The page that the portal says it begins on.
  package var actualPage: Int? {
    get { members[int: "actual_page"] }
    set { members[int: "actual_page"] = newValue }
  }
  /// Whether book or page is another than in the index; `nil` where the portal does not say.
  package var isMismatch: Bool? {
    get { members[bool: "book_page_mismatch"] }
    set { members[bool: "book_page_mismatch"] = newValue }
  }
  package var etag: String? {
    get { members[string: "etag"] }
    set { members[string: "etag"] = newValue }
  }
  package var lastModified: String? {
    get { members[string: "last_modified"] }
    set { members[string: "last_modified"] = newValue }
  }
  /// What came from the portal, where that was no PDF and was made into one: `image/tiff`.
  package var contentType: String? {
    get { members[string: "content_type"] }
    set { members[string: "content_type"] = newValue }
  }
  /// When it came, RFC 3339 in UTC.
  package var fetchedAt: String? {
    get { members[string: "fetched_at"] }
    set { members[string: "fetched_at"] = newValue }
  }
  /// Whether it was in the spool already, so that nothing was requested.
  package var isResumed: Bool? {
    get { members[bool: "resumed"] }
    set { members[bool: "resumed"] = newValue }
  }
}
