import Common

/// How a person names a document: by its id, or by book and page. Pure.
package enum DocumentName: Sendable, Equatable {
  case id(Int)
  case place(book: Int, page: Int)

  /// `184223`, or `285/55`; `nil` for anything else. A book and a page are an `integer` of PostgreSQL's.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let places = parts.compactMap { Int32($0) }.map(Int.init)
    if parts.count == 1, let id = Int(parts[0]) {
      self = .id(id)
    } else if parts.count == 2, places.count == 2 {
      self = .place(book: places[0], page: places[1])
    } else {
      return nil
    }
  }
}

/// A row of the index, as it stands there.
package struct IndexedDocument: Sendable {
  fileprivate static let columns = [
    "id", "source", "book", "page", "instrument_number", "instrument_type_parsed", "file_date",
    "num_pages", "download_status", "download_attempts", "error_class", "download_error",
    "next_attempt_at", "updated_at", "downloaded_at", "lease_owner", "lease_expires_at",
    "lost_leases", "gcs_path", "content_bytes", "content_sha256", "content_md5",
    "original_bytes", "actual_book", "actual_page", "optimize_outcome", "optimize_reason",
  ]

  private let values: [String: String]

  /// A row's values by column; those that are null are left out.
  package init(_ values: [String: String]) { self.values = values }

  fileprivate init(_ row: [String?]) {
    let pairs = zip(Self.columns, row).compactMap { name, value in value.map { (name, $0) } }
    self.init(Dictionary(pairs) { $1 })
  }

  /// What a column has; `nil` where it is null or empty.
  package subscript(column: String) -> String? {
    values[column].flatMap { $0.isEmpty ? nil : $0 }
  }

  package var id: String { values["id"] ?? "" }
  package var status: DocumentStatus { DocumentStatus(values["download_status"] ?? "") }
  package var attempts: Int { values["download_attempts"].flatMap { Int($0) } ?? 0 }
  /// Why the last attempt failed; `nil` where it did not, or the word is none of ours.
  package var errorClass: ErrorClass? { self["error_class"].flatMap(ErrorClass.init) }
}

extension ReportQueries {
  /// The rows that have a name: several where books are numbered again in another source.
  func documents(named name: DocumentName) throws -> [IndexedDocument] {
    let (condition, values): (String, [Condition.Value]) =
      switch name {
      case .id(let id): ("id = ?", [.int(id)])
      case .place(let book, let page): ("book = ? AND page = ?", [.int(book), .int(page)])
      }
    let columns = IndexedDocument.columns.joined(separator: ", ")
    return try rows(columns, "AND \(condition) ORDER BY id LIMIT 20", values)
      .map(IndexedDocument.init)
  }
}
