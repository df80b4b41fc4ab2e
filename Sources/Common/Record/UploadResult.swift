/// What `upload` adds to a record (docs/record.schema.json). Members that it does not know stay.
package struct UploadResult: MeasuredResult {
  package static let name = "upload"
  package var members: JSONObject

  package init(members: JSONObject) { self.members = members }

  /// What a dry run adds.
  package init(dryRun url: String) { members = ["url": .string(url), "dry_run": .bool(true)] }

  /// The object.
  package var url: String? {
    get { members[string: "url"] }
    set { members[string: "url"] = newValue }
  }
  /// 32 hexadecimal digits; beside a ``crc32c``, it is the store's own finding.
  package var md5: String? {
    get { members[string: "md5"] }
    set { members[string: "md5"] = newValue }
  }
  /// 8 hexadecimal digits.
  package var crc32c: String? {
    get { members[string: "crc32c"] }
    set { members[string: "crc32c"] = newValue }
  }
  /// The store's name for this version of the object.
  package var generation: String? {
    get { members[string: "generation"] }
    set { members[string: "generation"] = newValue }
  }
  /// Whether the same object existed already.
  package var isSkipped: Bool? {
    get { members[bool: "skipped"] }
    set { members[bool: "skipped"] = newValue }
  }
}

/// What `validate` adds to a record (docs/record.schema.json).
package struct ValidateResult: ToolResult {
  package static let name = "validate"
  package var members: JSONObject

  package init(members: JSONObject = JSONObject()) { self.members = members }

  /// What became of the document: `completed`, `again`, `failed` …
  package var outcome: String? {
    get { members[string: "outcome"] }
    set { members[string: "outcome"] = newValue }
  }
  /// What was compared with the store's own word: `size+sha256` …
  package var checked: String? {
    get { members[string: "checked"] }
    set { members[string: "checked"] = newValue }
  }
  /// What was compared with bytes read back.
  package var read: String? {
    get { members[string: "read"] }
    set { members[string: "read"] = newValue }
  }
  /// Seconds until the next attempt.
  package var retryIn: Double? {
    get { members[double: "retry_in"] }
    set { members[double: "retry_in"] = newValue }
  }
}
