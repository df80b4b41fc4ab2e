/// The right to work on a document, until it is settled or runs out.
package struct Lease: Sendable, Hashable {
  /// The document.
  package let id: String
  /// What proves the right: a fencing token, new with each claim.
  package let token: String

  package init(id: String, token: String) {
    self.id = id
    self.token = token
  }

  /// What the tokens of one claim have in common.
  package var mark: Substring { token.prefix(Self.markLength) }

  /// In hexadecimal digits.
  package static let markLength = 16

  /// The lease that a record carries, if it does.
  package init?(_ record: DocumentRecord) {
    guard let token = record["lease"]?["token"]?.string else { return nil }
    self.init(id: record.id, token: token)
  }

  /// The member `lease` of a record.
  package func member(run: String) -> JSON {
    .object(["token": .string(token), "run": .string(run)])
  }
}
