/// A document as far as it concerns the store: which object it names, and what is recorded of it.
public struct StoredRow: Sendable, Equatable {
  /// The document.
  public let id: Int
  /// Its status, as the table has it.
  public let status: String
  /// The object it names; `nil` where it is completed without one.
  public let url: String?
  /// Size of the object in bytes, where it is recorded.
  public let bytes: Int?
  /// SHA-256 of the object, where it is recorded.
  public let sha256: String?
  /// MD5 of the object, where it is recorded.
  public let md5: String?
  /// When it was completed, in nanoseconds since 1970.
  public let completedAt: Int64?
  /// Whether it belongs to the selection that was asked for.
  public let isSelected: Bool

  /// A row.
  public init(
    id: Int, status: String = "completed", url: String?, bytes: Int? = nil, sha256: String? = nil,
    md5: String? = nil, completedAt: Int64? = nil, isSelected: Bool = true
  ) {
    self.id = id
    self.status = status
    self.url = url
    self.bytes = bytes
    self.sha256 = sha256
    self.md5 = md5
    self.completedAt = completedAt
    self.isSelected = isSelected
  }
}

/// Rows in pages, so that memory does not grow with the index. Belongs to one thread.
public protocol StoredRowPages: AnyObject {
  /// The next rows; `nil` at the end, and never an empty page. Throws ``Fatal``.
  func next() throws -> [StoredRow]?
}

/// What both databases are asked.
enum StoredRows {
  static let page = 5000

  /// Columns in the order of ``StoredRow``, but for the last two, which are a database's own.
  static let columns = """
    id, download_status, gcs_path, content_bytes, content_sha256, content_md5
    """

  static let condition = "gcs_path IS NOT NULL OR download_status = 'completed'"

  /// What setting back writes; takes the reason.
  static let setBack = """
    download_status = 'pending', download_attempts = 0, error_class = 'store_rejected',
    download_error = ?, next_attempt_at = NULL, retrying = FALSE, lost_leases = 0,
    lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL
    """
}
