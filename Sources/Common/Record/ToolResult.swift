/// What a tool adds to a record under its own name.
///
/// A view of the JSON, not a copy: what a tool does not know passes on as it came, and reading one member
/// costs no more than looking it up. A member of another type counts as missing.
package protocol ToolResult: Sendable, Equatable {
  /// The name of the member: the tool's own.
  static var name: String { get }
  /// All members, in the order of the line.
  var members: JSONObject { get set }
  init(members: JSONObject)
}

/// A result about bytes: what they are, and how long the tool took.
package protocol MeasuredResult: ToolResult {}

extension MeasuredResult {
  /// How many.
  package var bytes: Int? {
    get { members[int: "bytes"] }
    set { members[int: "bytes"] = newValue }
  }
  /// 64 hexadecimal digits.
  package var sha256: String? {
    get { members[string: "sha256"] }
    set { members[string: "sha256"] = newValue }
  }
  package var seconds: Double? {
    get { members[double: "seconds"] }
    set { members[double: "seconds"] = newValue }
  }
}

/// A result that is a file to go on with.
package protocol FileResult: MeasuredResult {}

extension FileResult {
  package var path: String? {
    get { members[string: "path"] }
    set { members[string: "path"] = newValue }
  }
  /// Pages, as libqpdf counts them.
  package var pages: Int? {
    get { members[int: "pages"] }
    set { members[int: "pages"] = newValue }
  }
}

extension DocumentRecord {
  /// What `fetch` said.
  package var fetch: FetchResult? {
    get { result() }
    set { set(newValue) }
  }
  /// What `optimize` said.
  package var optimize: OptimizeResult? {
    get { result() }
    set { set(newValue) }
  }
  /// What `upload` said.
  package var upload: UploadResult? {
    get { result() }
    set { set(newValue) }
  }
  /// What `validate` said.
  package var validate: ValidateResult? {
    get { result() }
    set { set(newValue) }
  }

  private func result<Result: ToolResult>() -> Result? {
    self[Result.name]?.object.map(Result.init(members:))
  }

  private mutating func set<Result: ToolResult>(_ result: Result?) {
    fields[Result.name] = result.map { .object($0.members) }
  }
}

extension JSONObject {
  /// A member that is a string.
  subscript(string name: String) -> String? {
    get { self[name]?.string }
    set { self[name] = newValue.map(JSON.string) }
  }
  /// A member that is an integer.
  subscript(int name: String) -> Int? {
    get { self[name]?.int }
    set { self[name] = newValue.map { .int($0) } }
  }
  /// A member that is a truth value.
  subscript(bool name: String) -> Bool? {
    get { self[name]?.bool }
    set { self[name] = newValue.map(JSON.bool) }
  }
  /// A member that is a number; written with three decimals.
  subscript(double name: String) -> Double? {
    get { self[name]?.double }
    set { self[name] = newValue.map { .decimal($0) } }
  }
}

/// A file that a record names, and what is recorded of it.
package struct NamedFile: Sendable, Equatable {
  package let path: String
  /// Its size, where a tool recorded it.
  package let bytes: Int?
  /// Its SHA-256, where a tool recorded it.
  package let sha256: String?
  /// Whether a tool made it, so that what is wrong with it now is not the record's fault.
  package let isOurs: Bool
}

extension DocumentRecord {
  /// The file as it came: what `fetch` brought, or else the record's own `path`. `nil` where it names
  /// none; throws `invalid_record` where what it names is not the path of a file.
  package func sourceFile() throws(RecordError) -> NamedFile? {
    if let file = try file(of: fetch) { return file }
    return try path("path", fields["path"]).map {
      NamedFile(path: $0, bytes: nil, sha256: nil, isOurs: false)
    }
  }

  /// The file to go on with: what `optimize` chose, or else ``sourceFile()``.
  package func currentFile() throws(RecordError) -> NamedFile? {
    if let file = try file(of: optimize) { return file }
    return try sourceFile()
  }

  private func file<Result: FileResult>(of result: Result?) throws(RecordError) -> NamedFile? {
    guard let result, let path = try path("\(Result.name).path", result.members["path"]) else {
      return nil
    }
    return NamedFile(path: path, bytes: result.bytes, sha256: result.sha256, isOurs: true)
  }

  private func path(_ name: String, _ value: JSON?) throws(RecordError) -> String? {
    guard let value, value != .null else { return nil }
    // A C string would end at a NUL, and name another file.
    guard let path = value.string, !path.isEmpty, !path.utf8.contains(0) else {
      throw RecordError(.invalidRecord, #"the member "\#(name)" is not the path of a file"#)
    }
    return path
  }
}
