import Common

/// The document index: the system of record. Two kinds of programs know it: `enqueue`, which claims,
/// and `validate`, which settles and reports.
///
/// All times are the database's own clock. A method is one transaction, or several that may each be the
/// last; it throws ``Fatal`` with exit code 69 (cannot be reached), 77 (permission), 78 (a table or column
/// is missing) or 74.
package protocol DocumentIndex: Sendable {
  /// Adds rows that are not there yet, known by (book, page, source), in one transaction; where the
  /// table refuses some of them, the others in several.
  func add(_ rows: [ImportedRow]) throws -> Addition

  /// Sets back to pending what is not worked on any more: expired leases, leases of processes that
  /// are known to be dead, and rows that older software left in progress for over 30 minutes. A lost
  /// lease gives the attempt back and counts as ``AttemptPolicy/losses(after:isAlone:)`` has it. A row
  /// that another transaction has locked is skipped. Returns how many.
  func reclaimExpiredLeases() throws -> Int

  /// Marks the failed documents of a selection (of its error classes, if it names some) as pending
  /// again, attempts counted from 0, for a selection with ``Selection/retriesFailed``: all of them, or at
  /// most `limit`, in the order of claims; that of the selection is a run's. Returns how many.
  func requeueFailed(_ selection: Selection, limit: Int?) throws -> Int

  /// Claims up to `count` documents whose time has come, ordered by priority, book and page: each gets
  /// a fresh lease token and one more attempt. The records carry `attempt` and `lease`.
  ///
  /// Quarantined documents (``ClaimKind/quarantined``) are claimed only while nothing is in progress
  /// with this run, and as long as they are, nothing else is claimed.
  func claim(
    _ kind: ClaimKind, _ selection: Selection, for run: Run, count: Int
  ) throws -> [DocumentRecord]

  /// The same, each document by itself, so that rows that stay as they are keep no others back; they are
  /// passed over until ``Refusals/forgetUnchanged()``. For a claim that found nothing although there is something to claim.
  func claimOneByOne(_ selection: Selection, for run: Run, count: Int) throws -> [DocumentRecord]

  /// What kept claims from changing documents that ``queueCounts(_:for:)`` calls claimable.
  func obstacle(_ selection: Selection, for run: Run) throws -> Obstacle

  /// Documents that the table did not let this object claim, and its reason; they are passed over.
  var refusals: Refusals { get }

  /// Up to `count` of the documents that a run would work on, in the same order, without claiming
  /// them: for a dry run. `position` is that of the last record of the page before, so that a million
  /// documents pass in pages.
  func preview(
    _ selection: Selection, count: Int, after position: PreviewPosition?
  ) throws -> [DocumentRecord]

  /// The leases of all that is in progress with the run, whether it knows of them or not.
  func leases(of run: Run) throws -> [Lease]

  /// Gives these leases of the run their full time again, where they still hold. A row that another
  /// transaction has locked is skipped. Returns how many were renewed.
  func renew(_ leases: [Lease], of run: Run) throws -> Int

  /// Gives documents back that were claimed but not worked on: pending, the attempt not counted. A row
  /// that another transaction has locked is skipped: its lease expires.
  func release(_ leases: [Lease]) throws

  /// Gives back all that is in progress with the run, as ``release(_:)`` does. Returns how many.
  func releaseAll(of run: Run) throws -> Int

  /// What there is to do in a selection, now and later.
  func queueCounts(_ selection: Selection, for run: Run) throws -> QueueCounts

  /// Writes outcomes, in one transaction, each only where its lease still holds (promise P4); where
  /// the table refuses one of them, the others all the same. Answers in the same order.
  func settle(_ outcomes: [Settlement]) throws -> [SettlementResult]

  /// How many documents of a selection have which status. Ignores the selection's limit.
  func counts(_ selection: Selection) throws -> StatusCounts

  /// The most frequent types of a selection's pending documents, most frequent first.
  func typeCounts(_ selection: Selection, top: Int) throws -> [(type: String, count: Int)]

  /// What stands in a column, each value once; reads the whole table.
  func values(of column: NamedColumn) throws -> Set<String>

  /// All documents that name an object or are completed, in the byte order of the objects' URLs; as
  /// they are at one moment, however long reading takes. Neither blocks writers meanwhile.
  func storedRows(_ selection: Selection) throws -> any StoredRowPages

  /// Sets completed documents back to pending, attempts counted from 0, each only where it is still
  /// completed with the same object (promise P4). Returns, in the same order, whether it was.
  func requeueCompleted(_ rows: [(row: StoredRow, why: String)]) throws -> [Bool]

  /// The status of each of these documents that exists, by its id.
  func statuses(of ids: [String]) throws -> [String: DocumentStatus]

  /// Marks pending and failed documents as not wanted, for this reason. Those that a run holds, or that are completed,
  /// stay as they are. Returns how many were marked.
  func skip(_ ids: [Int], why: String) throws -> Int

  /// The orders to stop that were given and not lifted.
  func stopOrders() throws -> [StopOrder]

  /// Orders runs of a stage to stop; of all, where it is empty.
  func order(stop stage: String, by author: String, why: String) throws

  /// Lifts the order to stop a stage. Returns whether there was one.
  func lift(stop stage: String) throws -> Bool

  /// The documents that have a name, at most 20.
  func documents(named name: DocumentName) throws -> [IndexedDocument]

  /// Everything that the report shows (domain: "What the operator expects to see").
  func report(_ selection: Selection) throws -> Report

  /// How a run fares now (domain: "Health check").
  func health(_ selection: Selection) throws -> Health

  /// Failed documents but for the absent ones: how many of which class, and the ids of the `newest`, last first.
  func failures(_ selection: Selection, newest: Int) throws -> Failures

  /// Up to `count` completed documents whose book or page is another at the portal, in the order of
  /// their ids, from the one after `id` on (0 is before all).
  func mismatches(_ selection: Selection, after id: Int, count: Int) throws -> [Mismatch]
}

/// A column whose values a selection names.
package enum NamedColumn: String, Sendable {
  /// The instrument type that filters are about.
  case type = "instrument_type_parsed"
  /// Where the row came from.
  case source
}

/// Which of the pending documents a claim is about.
package enum ClaimKind: Sendable {
  /// Those that are worked on side by side.
  case trusted
  /// Those that were lost with their worker several times, and wait until there is nothing else to
  /// do: see ``AttemptPolicy``.
  case quarantined
}

extension DocumentIndex {
  /// A claim of what comes next: quarantined documents one by one, where there are no others.
  package func claim(_ selection: Selection, for run: Run, count: Int) throws -> [DocumentRecord] {
    let trusted = try claim(.trusted, selection, for: run, count: count)
    guard trusted.isEmpty, count > 0 else { return trusted }
    return try claim(.quarantined, selection, for: run, count: 1)
  }

  /// Marks all of them.
  package func requeueFailed(_ selection: Selection) throws -> Int {
    try requeueFailed(selection, limit: nil)
  }

  /// The first page of a preview.
  package func preview(_ selection: Selection, count: Int) throws -> [DocumentRecord] {
    try preview(selection, count: count, after: nil)
  }
}

/// What there is to do in a selection.
package struct QueueCounts: Sendable, Equatable {
  /// Pending, and a claim would find them now.
  package var claimable = 0
  /// Pending and due, but a quarantined document is processed alone: see
  /// ``DocumentIndex/claim(_:for:count:)``.
  package var heldBack = 0
  /// Pending, but to be tried again only later.
  package var waiting = 0
  /// Seconds until the first of those that wait; `nil` where none does.
  package var secondsToNext: Double?
  /// In progress with this run.
  package var inProgressHere = 0
  /// In progress with other runs.
  package var inProgressElsewhere = 0

  /// Nothing.
  package init() {}

  /// What this run alone has in progress.
  package var here: QueueCounts {
    var here = QueueCounts()
    here.inProgressHere = inProgressHere
    return here
  }

  /// Leaves out documents that the table refuses to have claimed.
  mutating func passOver(_ refused: Int) { claimable = max(0, claimable - refused) }

  /// Decides what can be claimed of the pending documents whose time has come.
  mutating func divide(trusted: Int, quarantined: Int, quarantinedHere: Int) {
    let turn =
      quarantinedHere > 0 ? 0 : trusted > 0 ? trusted : inProgressHere == 0 ? quarantined : 0
    claimable = turn
    heldBack = trusted + quarantined - turn
  }
}

/// A document's outcome, to be written where its lease still holds.
package struct Settlement: Sendable {
  /// Which document, and by what right.
  package let lease: Lease
  package let outcome: Outcome

  /// What can become of a document.
  package enum Outcome: Sendable {
    /// The destination has it.
    case completed(Completion)
    /// To be tried again after so many seconds. An attempt that does not count is taken back.
    case again(RecordError, after: Double, countsAttempt: Bool)
    /// Given back because the run was stopped, before the document's work was begun: pending again after
    /// so many seconds, the attempt not counted, and nothing said about it.
    case givenBack(after: Double)
    /// Not to be tried again.
    case failed(RecordError)
  }

  /// An outcome for a lease.
  package init(_ lease: Lease, _ outcome: Outcome) {
    self.lease = lease
    self.outcome = outcome
  }
}

/// What became of a ``Settlement``.
package enum SettlementResult: Sendable, Equatable, ExpressibleByBooleanLiteral {
  /// It is written.
  case written
  /// Its lease does not hold any more, and nothing was changed.
  case leaseLost
  /// The table did not take it, for this reason. Where the table takes that, the document is failed
  /// with the reason; else it stays as it was.
  case refused(String)

  /// Written, or not because the lease was lost.
  package init(booleanLiteral isWritten: Bool) { self = isWritten ? .written : .leaseLost }
}

/// What is recorded of a document that the destination has.
package struct Completion: Sendable, Equatable {
  package var url: String
  /// SHA-256 of the bytes there, in hexadecimal digits.
  package var sha256: String
  /// MD5 of the same bytes, which is what buckets know.
  package var md5: String?
  /// Size of the object, in bytes.
  package var bytes: Int
  /// Size of what the portal sent, in bytes.
  package var originalBytes: Int?
  /// What the portal says the book is.
  package var actualBook: Int?
  /// What the portal says the page is.
  package var actualPage: Int?
  /// Whether that differs from the index.
  package var isMismatch = false
  /// What `optimize` did; `nil` where that is not known.
  package var optimization: Optimization?

  /// An object at `url`.
  package init(url: String, sha256: String, bytes: Int) {
    self.url = url
    self.sha256 = sha256
    self.bytes = bytes
  }
}

/// What became of rows that were to be added.
package struct Addition: Sendable, Equatable {
  package var added = 0
  /// Those that the table rejects, by their position among the rows, and its message.
  package var refused: [Refusal] = []

  /// One that was not taken.
  package struct Refusal: Sendable, Equatable {
    /// Its position among the rows, from 0.
    package let place: Int
    package let reason: String
  }

  /// Nothing yet.
  package init() {}
}
