import Common
import GRDB
import SQLite

/// A checkpoint as JSON lines, one for each document, to be packed, moved to another machine, or joined with another
/// one. The names are those of the table's columns; what is null is left out.
extension Checkpoint {
  private static let page = 1000

  /// Hands over all lines, in the order of their ids, until `take` returns false. The file is not locked in between.
  package func export(_ take: ([[UInt8]]) -> Bool) throws(Fatal) {
    var last: String?
    while true {
      let page = try rows(after: last)
      guard let end = page.last else { return }
      last = end.entry.id
      guard take(page.map { JSON.object($0.entry.members(attempts: $0.attempts)).serialized() })
      else { return }
    }
  }

  private func rows(
    after id: String?
  ) throws(Fatal) -> [(entry: Entry, attempts: Int)] {
    let columns = (Entry.columns + ["attempts"]).joined(separator: ", ")
    return try read { db in
      let statement = try db.cachedStatement(
        sql: """
          SELECT \(columns) FROM entries
          WHERE typeof(id) = 'text' \(id == nil ? "AND ? IS NULL" : "AND id > ?") ORDER BY id
          LIMIT \(Self.page)
          """)
      var row = BoundStatement(statement)
      row.bind(id)
      var rows: [(entry: Entry, attempts: Int)] = []
      while try row.step(db) {
        let entry = Entry(from: &row)
        rows.append((entry, row.next() ?? 1))
      }
      return rows
    }
  }

  /// What became of lines.
  package struct Imported: Sendable {
    /// New documents, and those of which the line was newer than what was known.
    package var taken = 0
    /// Those of which the checkpoint knows something as new or newer.
    package var known = 0
  }

  /// Takes lines from `next` until it has no more: of two that tell of the same document, the newer one counts. Throws
  /// with exit code 65 for what is no line of a checkpoint; what came before it is kept.
  package func take(
    _ next: () throws(Fatal) -> [UInt8]?
  ) throws(Fatal) -> Imported {
    var imported = Imported()
    var number = 0
    var isOver = false
    while !isOver {
      var lines: [(entry: Entry, attempts: Int)] = []
      while lines.count < Self.page {
        guard let line = try next() else {
          isOver = true
          break
        }
        number += 1
        do { lines.append(try Entry.read(line)) } catch {
          _ = try save(lines)
          throw Fatal(.notRecords, "line \(number) is none of a checkpoint: \(error)")
        }
      }
      let count = try save(lines)
      imported.taken += count
      imported.known += lines.count - count
    }
    return imported
  }

  private func save(_ lines: [(entry: Entry, attempts: Int)]) throws(Fatal) -> Int {
    if lines.isEmpty { return 0 }
    return try StateDatabase.guarded(path, "checkpoint") {
      try queue.writeWithoutTransaction { db in
        try StateDatabase.inShortTransaction(db, isWriting: true) {
          let statement = try db.cachedStatement(sql: Self.merge)
          let before = db.totalChangesCount
          for (entry, attempts) in lines {
            var row = BoundStatement(statement)
            entry.bind(to: &row)
            row.bind(attempts)
            _ = try row.step(db)
          }
          return db.totalChangesCount - before
        }
      }
    }
  }

  private static let merge: String = {
    let columns = Entry.columns + ["attempts"]
    let updates = columns.dropFirst().map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    return """
      INSERT INTO entries (\(columns.joined(separator: ", ")))
      VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))
      ON CONFLICT (id) DO UPDATE SET \(updates) WHERE excluded.at > entries.at
      """
  }()
}

/// Why a line is none of a checkpoint.
private struct LineError: Error, CustomStringConvertible {
  let description: String
}

extension Checkpoint.Entry {
  /// As a line has it.
  fileprivate func members(attempts: Int) -> JSONObject {
    [
      "id": .string(id), "request": .string(request), "url": .string(url),
      "http_status": httpStatus.map(JSON.int), "etag": etag.map(JSON.string),
      "last_modified": lastModified.map(JSON.string), "bytes": bytes.map(JSON.int),
      "sha256": sha256.map(JSON.string), "path": path.map(JSON.string), "images": .int(images),
      "portal": portal.map(JSON.string), "actual_book": actualBook.map(JSON.int),
      "actual_page": actualPage.map(JSON.int), "error_class": errorClass.map(JSON.string),
      "error": error.map(JSON.string), "at": .string(at),
      "seconds": JSONNumber(exactly: seconds).map(JSON.number), "stamp": stamp.map(JSON.string),
      "pages": pages.map(JSON.int), "encrypted": isEncrypted ? .bool(true) : nil,
      "content_type": contentType.map(JSON.string), "attempts": .int(attempts),
    ]
  }

  /// Reads what ``members(attempts:)`` wrote.
  fileprivate static func read(
    _ line: [UInt8]
  ) throws(LineError) -> (entry: Checkpoint.Entry, attempts: Int) {
    guard let json = try? JSON(parsing: line), let object = json.object,
      let id = json["id"]?.string, !id.isEmpty
    else { throw LineError(description: "it is no JSON object with an \"id\"") }
    func wrong(_ name: String) -> LineError {
      LineError(
        description:
          "\(Format.quoted(name)) is unknown or has a value of another kind. Use the program that wrote it."
      )
    }
    func text(_ name: String) throws(LineError) -> String? {
      guard let value = json[name] else { return nil }
      guard let text = value.string else { throw wrong(name) }
      return text
    }
    func number(_ name: String) throws(LineError) -> Int? {
      guard let value = json[name] else { return nil }
      guard let number = value.int else { throw wrong(name) }
      return number
    }
    let names = columns + ["attempts"]
    if let other = object.members.first(where: { !names.contains($0.name) }) {
      throw wrong(other.name)
    }
    guard let at = try text("at"), let request = try text("request") else { throw wrong("at") }
    var entry = Checkpoint.Entry(id: id)
    (entry.at, entry.request, entry.url) = (at, request, try text("url") ?? "")
    (entry.httpStatus, entry.bytes) = (try number("http_status"), try number("bytes"))
    (entry.etag, entry.lastModified) = (try text("etag"), try text("last_modified"))
    (entry.sha256, entry.path, entry.stamp) = (
      try text("sha256"), try text("path"), try text("stamp")
    )
    (entry.images, entry.pages) = (try number("images") ?? 1, try number("pages"))
    (entry.portal, entry.contentType) = (try text("portal"), try text("content_type"))
    (entry.actualBook, entry.actualPage) = (try number("actual_book"), try number("actual_page"))
    (entry.errorClass, entry.error) = (try text("error_class"), try text("error"))
    if let seconds = json["seconds"] {
      guard let value = seconds.double, value.isFinite else { throw wrong("seconds") }
      entry.seconds = value
    }
    if let isEncrypted = json["encrypted"] {
      guard let value = isEncrypted.bool else { throw wrong("encrypted") }
      entry.isEncrypted = value
    }
    return (entry, try number("attempts") ?? 1)
  }
}
