import Checkpoint
import Common
import Index
import Config
import Store

/// Holds index, store and checkpoint against each other, in memory that does not grow with them.
struct Reconciliation {
  /// What is done about documents that are wrong.
  enum Repair: Sendable { case none, dryRun, requeueCompleted }

  /// Differences in one transaction, and on one write to the output.
  private static let batch = 500

  let index: any DocumentIndex
  let store: any ObjectStore
  let selection: Selection
  let repair: Repair
  let sample: Sample?
  let verifier: ObjectVerifier
  let stop: ShutdownSignal
  /// Takes lines of the output; false where their reader has gone.
  let write: ([[UInt8]]) -> Bool

  private(set) var totals = ReconcileTotals()
  private var isStoreEmpty = false
  private var questions: [ObjectVerifier.Question] = []
  private var found: [Difference] = []

  init(
    _ index: any DocumentIndex, _ store: any ObjectStore, _ selection: Selection, _ repair: Repair,
    _ sample: Sample?, workers: Int, stop: ShutdownSignal, write: @escaping ([[UInt8]]) -> Bool
  ) {
    self.index = index
    self.store = store
    self.selection = selection
    self.repair = repair
    self.sample = sample
    self.stop = stop
    self.write = write
    verifier = ObjectVerifier(store: store, workers: workers, stop: stop)
  }

  /// What was fetched against the index, then index against store. Ends early where a stop is
  /// requested.
  mutating func run(fetched: FetchedPages?) throws {
    let start = Time.monotonic()
    // First, because a document that is set back was fetched and is not in the store any more.
    while !stop.isRequested, let page = try fetched?.next() { try examine(page) }
    var matching = Matching(try index.storedRows(selection), try store.list(""))
    isStoreEmpty = try matching.hasNoObjects()
    while !stop.isRequested, let match = try matching.next() { try examine(match) }
    totals.objects = matching.objectCount
    try settleQuestions()
    try flush()
    totals.seconds = Double(Time.monotonic() - start) / 1e9
  }

  private mutating func examine(_ match: Matching.Match) throws {
    if let object = match.object, match.rows.isEmpty {
      try ask(.unknown(object))
      return
    }
    var rows: [StoredRow] = []
    for row in match.rows where row.status == .completed && row.isSelected {
      guard let url = row.url else {
        totals.compared += 1
        try add([Difference(.noURL, row, "it is completed, and names no object")])
        continue
      }
      if url.utf8.starts(with: store.place.utf8) {
        rows.append(row)
      } else {
        totals.elsewhere += 1
      }
    }
    totals.compared += rows.count
    guard let url = rows.first?.url else { return }
    let isSample = rows.contains { sample?.contains(String($0.id)) ?? false }
    if let object = match.object {
      if !isSample, rows.allSatisfy({ Comparison($0, object) == .same }) { return }
    } else {
      try checkStore()
    }
    totals.lookedAt += rows.count
    try ask(.documents(rows, url: url, isSample: isSample))
  }

  private mutating func examine(_ page: [FetchedPages.Document]) throws {
    totals.fetched += page.count
    let statuses = try index.statuses(of: page.map(\.id))
    for document in page {
      switch statuses[document.id] {
      case .completed, .inProgress, .skipped: break
      case let status:
        try add([Difference(notUploaded: document.id, status: status, file: document.path)])
      }
    }
  }

  /// A folder that is not mounted must not send a million documents round again.
  private func checkStore() throws(Fatal) {
    guard repair == .requeueCompleted, isStoreEmpty else { return }
    throw Fatal(
      .unavailable,
      "\(store.place) holds nothing at all: is --to right, and is it mounted? Nothing was set back; "
        + "without --repair, what is missing is listed")
  }

  private mutating func ask(_ question: ObjectVerifier.Question) throws {
    questions.append(question)
    if questions.count == Self.batch { try settleQuestions() }
  }

  private mutating func settleQuestions() throws {
    let differences = try verifier.differences(questions)
    questions = []
    try add(differences)
  }

  private mutating func add(_ differences: [Difference]) throws {
    found += differences
    if found.count >= Self.batch { try flush() }
  }

  /// Sets back what is to be, and writes the lines.
  private mutating func flush() throws {
    if stop.isRequested, stop.reason != .interrupted { return }
    let wrong = found.indices.filter { found[$0].kind.isRepairable && repair != .none }
    let rows = wrong.compactMap { number in
      found[number].row.map { (row: $0, why: "reconcile: \(found[number].message)") }
    }
    let isRequeued = repair == .requeueCompleted ? try index.requeueCompleted(rows) : []
    for (place, number) in wrong.enumerated() {
      found[number].repair =
        repair == .dryRun ? .wouldBePending : isRequeued[place] ? .pending : .changed
    }
    for difference in found { totals.count(difference) }
    _ = write(found.map { $0.json.serialized() })
    found = []
  }
}
