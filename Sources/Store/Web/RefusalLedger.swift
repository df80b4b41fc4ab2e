/// Tells a refusal that is a single document's own from one that may pass: pure bookkeeping over one kind of
/// request.
///
/// Most refusals do not say whom they concern: 403 may be a permission that was taken away from all, or
/// a rule about one object; an unknown 400 likewise. What others get tells: a refusal is the document's
/// own once others were granted the same after it, several times. As long as nothing is granted, it is the
/// store's, and no document is to blame (promise P15).
struct RefusalLedger: Sendable {
  /// So often has a document to be refused although others were granted the same afterwards. A store
  /// that refuses every second request for a while fails no document then.
  static let rounds = 3
  /// Documents that are remembered.
  static let memory = 1000

  /// When the latest request began that was granted.
  private var lastGrant = Int64.min
  private var rounds: [String: Int] = [:]

  /// A request was granted, which `began` then (nanoseconds of the monotonic clock). One that was on its way
  /// when others were refused already says nothing about them.
  mutating func granted(began: Int64) { lastGrant = max(lastGrant, began) }

  /// Whether a document's refusal, met at `refusedAt`, is its own by now. Counts each refusal once.
  mutating func isDocuments(_ document: String, refusedAt: Int64) -> Bool {
    guard lastGrant > refusedAt else { return false }
    if rounds.count >= Self.memory, rounds[document] == nil { rounds = [:] }
    rounds[document, default: 0] += 1
    guard rounds[document, default: 0] >= Self.rounds else { return false }
    rounds[document] = nil
    return true
  }
}
