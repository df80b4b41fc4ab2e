import Common
import Synchronization

/// What all requests to one store know together: whether it is out, and what it granted. Requests of one
/// kind fail together, so each kind is watched by itself; all of a store's wait for the first that is out.
final class StoreGate: Sendable {
  let outages: OutageGate
  let settings: StoreSettings
  private let store: String
  private let state = Mutex(State())
  /// Before this moment of the monotonic clock the store wants no more tries.
  private let notBefore = Atomic<Int64>(.min)
  private let attempts = Atomic<Int>(0)

  private struct State {
    var granted: Set<StoreOperation> = []
    var ledgers: [StoreOperation: RefusalLedger] = [:]
  }

  /// A gate for the store that people know as `store`.
  init(_ store: String, _ settings: StoreSettings) {
    self.store = store
    self.settings = settings
    outages = OutageGate(
      settings.outages, turns: settings.turns, stop: settings.stop, notice: settings.notice,
      logger: settings.logger)
  }

  /// What is watched as one.
  func scope(_ operation: StoreOperation) -> OutageGate.Scope {
    // Tokens come from another server.
    operation == .token
      ? OutageGate.Scope(key: "\(store)|token", name: "the server that gives tokens for \(store)")
      : OutageGate.Scope(
        key: "\(store)|\(operation)", name: "the store \(store) (\(operation.rawValue))",
        group: store)
  }

  /// What tells one attempt from others in an outage: documents by their names. What concerns no document
  /// counts each time.
  func identity(_ context: String, _ operation: StoreOperation) -> String {
    guard !operation.isAboutDocuments else { return context }
    return "\(context) \(attempts.add(1, ordering: .relaxed).newValue)"
  }

  /// Whether anything of that kind was granted in this run.
  func hasGranted(_ operation: StoreOperation) -> Bool {
    state.withLock { $0.granted.contains(operation) }
  }

  /// Whether anything was granted by the store itself.
  var isKnown: Bool { state.withLock { !$0.granted.subtracting([.token]).isEmpty } }

  /// Somebody was granted a request, which `began` then.
  func granted(_ operation: StoreOperation, began: Int64) {
    state.withLock {
      $0.granted.insert(operation)
      $0.ledgers[operation, default: RefusalLedger()].granted(began: began)
    }
  }

  /// Whether a refusal that is no outage is the document's own, or may still pass.
  func isDocuments(_ context: String, _ operation: StoreOperation, refusedAt: Int64) -> Bool {
    state.withLock {
      $0.ledgers[operation, default: RefusalLedger()].isDocuments(context, refusedAt: refusedAt)
    }
  }

  /// The store asked to wait for so many seconds.
  func postpone(_ seconds: Double) {
    let time = Time.monotonic() + Int64(min(seconds, Retrier.longestWait) * 1e9)
    notBefore.max(time, ordering: .relaxed)
  }

  /// Waits until a store that is out may be tried. Throws on a stop.
  func waitToTry() throws(RecordError) {
    let time = notBefore.load(ordering: .relaxed)
    guard time <= Time.monotonic() || settings.stop.sleep(until: time) else {
      throw RecordError.stopped
    }
  }
}

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
