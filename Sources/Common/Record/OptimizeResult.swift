/// What `optimize` adds to a record (docs/record.schema.json). Members that it does not know stay.
package struct OptimizeResult: FileResult {
  package static let name = "optimize"
  /// The method of a document that stays as it was.
  package static let original = "original"
  package var members: JSONObject

  package init(members: JSONObject) { self.members = members }

  /// What made it smaller, like `images/ebook`, or ``original``.
  package var method: String? {
    get { members[string: "method"] }
    set { members[string: "method"] = newValue }
  }
  /// Size of the original.
  package var originalBytes: Int? {
    get { members[int: "original_bytes"] }
    set { members[int: "original_bytes"] = newValue }
  }
  /// Why the original was kept.
  package var reason: String? {
    get { members[string: "reason"] }
    set { members[string: "reason"] = newValue }
  }
  /// What is special about this document.
  package var detail: String? {
    get { members[string: "detail"] }
    set { members[string: "detail"] = newValue }
  }
  /// Whether damage was repaired.
  package var isRepaired: Bool {
    get { members[bool: "repaired"] ?? false }
    set { members[bool: "repaired"] = newValue ? true : nil }
  }
  /// A result that was rejected: its engine, reason and size.
  package var rejected: JSON? {
    get { members["rejected"] }
    set { members["rejected"] = newValue }
  }
  /// Why that result was rejected.
  package var rejectedReason: String? { rejected?["reason"]?.string }
  /// The size of that result.
  package var rejectedBytes: Int? { rejected?["bytes"]?.int }
  /// Seconds of each step.
  package var times: JSON? {
    get { members["times"] }
    set { members["times"] = newValue }
  }
}
