import Synchronization

/// What the workers of a run have learnt together about how a store reads `If-Match`.
final class AmazonQuirks: Sendable {
  private let wantsBareETags = Atomic<Bool>(false)

  /// An ETag as the store is told it: in quotes (RFC 9110, section 8.8.3), unless it took one without.
  func form(of etag: String) -> String {
    wantsBareETags.load(ordering: .relaxed) ? etag : Self.inQuotes(etag)
  }

  /// The form that was not tried.
  func otherForm(of etag: String) -> String {
    wantsBareETags.load(ordering: .relaxed) ? Self.inQuotes(etag) : etag
  }

  /// The store took that form.
  func settle(on form: String, for etag: String) {
    wantsBareETags.store(form == etag, ordering: .relaxed)
  }

  private static func inQuotes(_ etag: String) -> String { "\"\(etag)\"" }
}
