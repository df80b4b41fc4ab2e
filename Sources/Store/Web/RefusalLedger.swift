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
  /// For each document how often it was its own, and the refusal of which that is not known yet.
  private var refused: [String: (rounds: Int, open: Int64?)] = [:]

  /// A request was granted, which `began` then (nanoseconds of the monotonic clock). One that was on its way
  /// when others were refused already says nothing about them.
  mutating func granted(began: Int64) { lastGrant = max(lastGrant, began) }

  /// Whether a document's refusals are its own by now. To be asked once for each, which was met at `refusedAt`;
  /// what others got since the one before counts, too.
  mutating func isDocuments(_ document: String, refusedAt: Int64) -> Bool {
    if refused.count >= Self.memory, refused[document] == nil { refused = [:] }
    var (rounds, open) = refused[document] ?? (0, nil)
    if let before = open, lastGrant > before { rounds += 1 }
    open = refusedAt
    if lastGrant > refusedAt {
      rounds += 1
      open = nil
    }
    let isIts = rounds >= Self.rounds
    refused[document] = isIts ? nil : (rounds, open)
    return isIts
  }
}
