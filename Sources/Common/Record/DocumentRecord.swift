/// One document on the pipeline: the line's fields, and what each tool added under its own name.
package struct DocumentRecord: Sendable {
  /// What names the document in the index: 1 to 256 bytes, no control characters.
  package let id: String
  /// All members of the line, this tool's included.
  package var fields: JSONObject

  /// Longest `id`, in bytes.
  package static let maximumID = 256

  /// A record with an id that is known to be valid.
  package init(id: String, fields: JSONObject = JSONObject()) {
    self.id = id
    self.fields = fields
    self.fields["id"] = .string(id)
  }

  /// The record in a JSON value; throws `invalid_record` where it is none.
  package init(_ json: JSON) throws(RecordError) {
    guard let fields = json.object else {
      throw RecordError(.invalidRecord, "the line is JSON, but not an object")
    }
    guard let value = fields["id"] else {
      throw RecordError(.invalidRecord, #"the member "id" is missing"#)
    }
    guard let id = value.string else {
      throw RecordError(.invalidRecord, #"the member "id" is not a string"#)
    }
    guard (1...Self.maximumID).contains(id.utf8.count) else {
      throw RecordError(
        .invalidRecord, #"the member "id" is empty or longer than \#(Self.maximumID) bytes"#)
    }
    guard !id.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw RecordError(.invalidRecord, #"the member "id" has control characters"#)
    }
    for name in [FetchResult.name, OptimizeResult.name, UploadResult.name, "lease"] {
      if let value = fields[name], value.object == nil {
        throw RecordError(.invalidRecord, #"the member "\#(name)" is not an object"#)
      }
    }
    for name in ["book", "page", "instrument_number", "attempt"] {
      if let value = fields[name], value != .null, value.int == nil {
        throw RecordError(.invalidRecord, #"the member "\#(name)" is not an integer"#)
      }
    }
    self.id = id
    self.fields = fields
  }

  /// What failed, if something did.
  package var error: RecordError? {
    get {
      guard let json = fields["error"], json != .null else { return nil }
      return RecordError(json: json)
    }
    set { fields["error"] = newValue?.json }
  }

  /// What people find it by in a log: its id, and its book and page where they are known.
  package var label: String {
    guard let book, let page else { return id }
    return "\(id) (book \(book), page \(page))"
  }

  /// The book of the index.
  package var book: Int? { self["book"]?.int }
  /// The page in the book, of the index.
  package var page: Int? { self["page"]?.int }
  /// How many pages the index says that it has, where it says so.
  package var pageCount: Int? { self["num_pages"]?.int.flatMap { $0 > 0 ? $0 : nil } }
  /// Which attempt this is, from 1.
  package var attempt: Int? { self["attempt"]?.int }
  /// 1 is claimed first.
  package var priority: Int? { self["download_priority"]?.int }
  /// A file that exists already, for pipelines that begin without `fetch`.
  package var path: String? { self["path"]?.string }
  /// Where to fetch from, instead of the portal of the book; `nil` where the record names none.
  package var url: JSON? { self["url"] }

  /// The text of a member, as templates and object metadata have it.
  package func text(of name: String) -> String? { self[name]?.text }

  /// A member of the line or `nil`; `null` counts as missing.
  package subscript(name: String) -> JSON? {
    let value = fields[name]
    return value == .null ? nil : value
  }
}

/// A line that came in, understood as far as it goes.
package enum InputLine: Sendable {
  /// A document to work on.
  case record(DocumentRecord)
  /// A document that failed in an earlier tool: passes through with its bytes as they are.
  case failed(DocumentRecord, line: [UInt8])
  /// Not a record; what to say of it on the output.
  case invalid(JSON, isJSON: Bool)
}

extension InputLine {
  /// Reads a line (without its line end). `number` counts from 1, for the error.
  package init(_ bytes: [UInt8], number: Int, tool: String) {
    let json: JSON
    do { json = try JSON(parsing: bytes) } catch {
      self = .invalid(
        Self.refusal(bytes, number, tool, "not a JSON object: \(error)"), isJSON: false)
      return
    }
    if json["id"] == .null, json["error"]?.object != nil {
      // An earlier tool refused the line already.
      self = .invalid(json, isJSON: true)
      return
    }
    do {
      let record = try DocumentRecord(json)
      self = record.error == nil ? .record(record) : .failed(record, line: bytes)
    } catch {
      self = .invalid(Self.refusal(bytes, number, tool, error.message), isJSON: true)
    }
  }

  /// Makes a record of a file's name: its `id` and its `path`.
  package init(fileName bytes: [UInt8], number: Int, tool: String) {
    do {
      guard let name = String(validating: bytes, as: UTF8.self) else {
        throw RecordError(.invalidRecord, "a file name that is not UTF-8")
      }
      self = .record(try DocumentRecord(.object(["id": .string(name), "path": .string(name)])))
    } catch {
      let failure = RecordError(describing: error, tool: tool)
      self = .invalid(Self.refusal(bytes, number, tool, failure.message), isJSON: true)
    }
  }

  /// A line that was longer than a record may be; `prefix` is how it began.
  package init(tooLong prefix: [UInt8], number: Int, tool: String) {
    let limit = Format.bytes(LineReader.maximumLine)
    self = .invalid(
      Self.refusal(prefix, number, tool, "the line is longer than \(limit)"), isJSON: false)
  }

  private static func refusal(
    _ bytes: [UInt8], _ number: Int, _ tool: String, _ message: String
  ) -> JSON {
    .object([
      "id": .null,
      "input": .string(
        String(
          SecretRedactor.message(String(decoding: bytes.prefix(800), as: UTF8.self)).prefix(200))),
      "line": .int(number),
      "error": RecordError(
        tool: tool, .invalidRecord, "line \(number): \(message)"
      ).json,
    ])
  }
}

/// The fields of a record that templates can name, as `enqueue` writes them.
package enum RecordFieldNames {
  /// In the order of the record.
  package static let all = [
    "id", "source", "gin", "instrument_number", "book_volume", "book", "page",
    "instrument_type_raw", "instrument_type_parsed", "document_type", "file_date", "num_pages",
    "download_priority", "attempt",
  ]

  /// What is wrong with the fields of a template, in words; `nil` where nothing is.
  ///
  /// - Parameters:
  ///   - extra: further names that are known.
  ///   - isClosed: whether records have no other fields. Where they may, only a name that is almost one of
  ///     those known is taken for a slip.
  package static func rejection(
    to template: Template, extra: [String] = [], isClosed: Bool = false
  ) -> String? {
    let known = all + extra
    for field in template.fields where !known.contains(field) {
      if field.hasPrefix(Template.secretPrefix) { return "{\(field)} has no place here" }
      let nearest = NearestName.of(field, among: known)
      if let nearest { return "{\(field)} names no field of a record; {\(nearest)} is one" }
      if isClosed {
        return "{\(field)} names no field of a record; there are \(known.joined(separator: ", "))"
      }
    }
    return nil
  }
}
