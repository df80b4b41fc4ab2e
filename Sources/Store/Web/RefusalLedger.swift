/// Tells a refusal that meets every document from one that is a single document's own: pure bookkeeping
/// over one kind of request.
///
/// Most refusals do not say whom they concern: 403 may be a permission that was taken away from all, or
/// a rule about one object; an unknown 400 likewise. What others get tells: a refusal is the document's
/// own once others were granted the same between its refusals, several times. As long as nobody is
/// granted anything, it is the store's, and no document is to blame (promise P15).
struct RefusalLedger: Sendable {
  /// So often has a document to be refused again although others were granted the same meanwhile. A store
  /// that refuses every second request for a while fails no document then.
  static let rounds = 3
  /// Documents that are remembered.
  static let memory = 1000

  /// What a refusal is taken for.
  enum Verdict: Sendable, Equatable {
    /// The document's own.
    case documents
    /// Everybody's, and nothing is gained by waiting.
    case everybodys
    /// Not known yet: ask again later.
    case open
  }

  /// When the latest request began that was granted.
  private var lastGrant: Int64?
  private var firstRefusal: Int64?
  private var refused: [String: (at: Int64, rounds: Int)] = [:]

  /// Somebody was granted such a request, which `began` then. One that was on its way when others were
  /// refused already says nothing about them.
  mutating func granted(began: Int64) { lastGrant = max(lastGrant ?? began, began) }

  /// A document's request was refused.
  ///
  /// - Parameters:
  ///   - isClear: whether the store said why, in words that are known.
  ///   - limit: seconds after the first refusal from when on a store that never granted anything is
  ///     taken at its word.
  ///   - now: nanoseconds of the monotonic clock.
  mutating func refused(
    _ document: String, isClear: Bool, limit: Double, now: Int64
  ) -> Verdict {
    guard let lastGrant else {
      let first = firstRefusal ?? now
      firstRefusal = first
      return isClear || Double(now - first) / 1e9 >= limit ? .everybodys : .open
    }
    guard let before = refused[document] else {
      if refused.count >= Self.memory { refused.removeAll() }
      refused[document] = (now, 0)
      return .open
    }
    let rounds = before.rounds + (lastGrant > before.at ? 1 : 0)
    refused[document] = (now, rounds)
    guard rounds >= Self.rounds else { return .open }
    refused[document] = nil
    return .documents
  }
}
