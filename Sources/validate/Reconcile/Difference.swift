import Common
import Index
import Store

/// Something that index, checkpoint and store do not agree on.
struct Difference: Sendable, Equatable {
  /// A closed vocabulary (docs/validate.md, "Reconciling").
  enum Kind: String, Sendable, CaseIterable {
    /// Completed, and nothing is at its URL.
    case missing
    /// Completed, and the object has another size.
    case wrongSize = "wrong_size"
    /// Completed, and the object has the right size and other content.
    case wrongChecksum = "wrong_checksum"
    /// Completed, and names no object.
    case noURL = "no_url"
    /// Completed, and what is at its URL is what another completed document put there.
    case shared
    /// In the store, and no document names it.
    case unknownObject = "unknown_object"
    /// Fetched, and neither in the store nor on its way.
    case notUploaded = "not_uploaded"

    /// Whether setting the document back to pending puts it right. Of two that share a URL, each
    /// would only take the other's place.
    var isRepairable: Bool {
      switch self {
      case .missing, .wrongSize, .wrongChecksum, .noURL: true
      case .shared, .unknownObject, .notUploaded: false
      }
    }
  }

  /// What was done about it.
  enum Repair: String, Sendable {
    case pending
    /// Its row changed since it was read.
    case changed
    case wouldBePending = "dry_run"
  }

  let kind: Kind
  /// One sentence for people.
  let message: String
  var id: String?
  var status: DocumentStatus?
  var url: String?
  var row: StoredRow?
  /// Size and checksum that were found.
  var found: ObjectInfo?
  var repair: Repair?

  /// A completed document's.
  init(_ kind: Kind, _ row: StoredRow, found: ObjectInfo? = nil, _ message: String) {
    self.kind = kind
    self.message = message
    self.row = row
    self.found = found
    id = String(row.id)
    status = row.status
    url = row.url
  }

  /// An object that no document names.
  init(unknown object: ListedObject) {
    kind = .unknownObject
    message = "no document of the index names it"
    url = object.url
    found = ObjectInfo(bytes: object.bytes, md5: object.md5)
  }

  /// A fetched document that got no further; `status` is `nil` where the index does not have it.
  init(notUploaded id: String, status: DocumentStatus?, file: String?) {
    kind = .notUploaded
    let what = status.map { "the index says \($0.word)" } ?? "the index does not have it"
    message = "it was fetched\(file.map { " to \($0)" } ?? "") and not uploaded: \(what)"
    self.id = id
    self.status = status
  }

  /// A line of the output.
  var json: JSON {
    let expected: JSONObject = [
      "bytes": row?.bytes.map(JSON.int), "sha256": row?.sha256.map(JSON.string),
      "md5": row?.md5.map(JSON.string),
    ]
    let there: JSONObject = [
      "bytes": found.map { .int($0.bytes) }, "sha256": found?.sha256.map(JSON.string),
      "md5": found?.md5.map(JSON.string),
    ]
    return .object([
      "class": .string(kind.rawValue), "id": id.map(JSON.string),
      "status": status.map { .string($0.word) }, "url": url.map(JSON.string),
      "expected": expected.members.isEmpty ? nil : .object(expected),
      "found": there.members.isEmpty ? nil : .object(there), "message": .string(message),
      "repair": repair.map { .string($0.rawValue) },
    ])
  }
}
