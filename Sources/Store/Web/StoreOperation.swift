/// What is asked of a store: who may read may not be allowed to write.
enum StoreOperation: String, Sendable, Hashable {
  case reading, writing, listing, removing
  case bucket = "looking for the bucket"
  case token = "asking for a token"

  /// Whether a refusal may be a single document's own.
  var isAboutDocuments: Bool { self == .reading || self == .writing }
}
