import Common
import Index
import Store

/// Whether an object is the one that a document's row tells of. Pure.
enum Comparison: Sendable, Equatable {
  /// As far as the row tells.
  case same
  case different(Difference.Kind, String)
  /// What is known does not settle it.
  case open

  /// By the listing alone.
  init(_ row: StoredRow, _ object: ListedObject) {
    if let bytes = row.bytes, bytes != object.bytes {
      self = .wrongSize(bytes, object.bytes)
    } else if let md5 = row.md5, let there = object.md5 {
      // Different may also mean that S3's ETag is no MD5.
      self = md5 == there ? .same : .open
    } else if let sha256 = row.sha256, let noted = object.recordedSHA256 {
      self = sha256 == noted ? .same : .open
    } else if row.sha256 == nil, row.md5 == nil {
      self = .same
    } else if let changed = object.changedAt, let completed = row.completedAt {
      // When it was completed, its bytes had been read.
      self = changed <= completed ? .same : .open
    } else {
      self = .open
    }
  }

  /// By what the store tells of the object when it is asked for it alone. What an uploader noted is
  /// no proof: a program that replaces an object may keep the note.
  init(_ row: StoredRow, _ info: ObjectInfo?) {
    guard let info else {
      self = .different(.missing, "nothing is there")
      return
    }
    if let bytes = row.bytes, bytes != info.bytes {
      self = .wrongSize(bytes, info.bytes)
    } else if let expected = row.sha256, let found = info.sha256 {
      self = .checksum("SHA-256", expected, found)
    } else if let expected = row.md5, let found = info.md5 {
      self = .checksum("MD5", expected, found)
    } else {
      self = row.sha256 == nil && row.md5 == nil ? .same : .open
    }
  }

  private static func wrongSize(_ expected: Int, _ found: Int) -> Comparison {
    .different(
      .wrongSize,
      "\(Format.count(found)) bytes are there, and \(Format.count(expected)) were stored")
  }

  private static func checksum(
    _ name: String, _ expected: String, _ found: String
  ) -> Comparison {
    expected.lowercased() == found
      ? .same : .different(.wrongChecksum, "\(name) \(found) is there, and \(expected) was stored")
  }
}

extension Difference {
  /// What is wrong with the completed documents of one URL, by what is there.
  static func among(_ rows: [StoredRow], _ info: ObjectInfo?) -> [Difference] {
    let results = rows.map { ($0, Comparison($0, info)) }
    let isSomebodys = results.contains { $0.1 == .same }
    return results.compactMap { row, result in
      guard case .different(let kind, let message) = result else { return nil }
      return isSomebodys
        ? Difference(
          .shared, row, found: info, "another document put its content there: \(message)")
        : Difference(kind, row, found: info, message)
    }
  }
}
