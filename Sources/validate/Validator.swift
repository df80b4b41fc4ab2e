import Common
import Index
import Logging
import Store

/// What became of a document at the end of the pipeline.
enum ObjectVerdict: String, Sendable {
  /// The store has it; there is no index to write that to.
  case checked
  /// The index says that the store has it.
  case completed
  /// The index says that it is to be tried again.
  case again
  /// The index has it as it was before: the run was stopped before its work was begun.
  case givenBack = "given_back"
  /// The index says that it is not to be tried again.
  case failed
  /// The index says nothing: the lease was gone.
  case leaseLost = "lease_lost"
}

/// Checks documents against the store, and settles them, in one thread.
struct Validator: RecordProcessor, ~Copyable {
  /// Where outcomes go, and how long a document waits for its second attempt, in seconds.
  struct Settling: Sendable {
    let settler: Settler
    let firstWait: Double
  }

  static let worksThroughInterruption = true

  let stores: Stores
  let settling: Settling?
  let spool: SpoolFiles?
  /// Whose objects are read back.
  let sample: Sample?
  let tally: StatisticsCollector
  /// Those who ask the store, and how they learn of each other's refusals.
  let turns: WorkerTurns
  let stop: ShutdownSignal
  let logger: Logger

  init(
    stores: Stores, settling: Settling?, spool: SpoolFiles?, sample: Sample?,
    tally: StatisticsCollector,
    turns: WorkerTurns, stop: ShutdownSignal, logger: Logger
  ) {
    self.stores = stores
    self.settling = settling
    self.spool = spool
    self.sample = sample
    self.tally = tally
    self.turns = turns
    self.stop = stop
    self.logger = logger
    turns.join()
  }

  deinit { turns.leave() }

  func process(_ record: inout DocumentRecord) throws {
    guard turns.begin(stop) else { throw RecordError.stopped }
    defer { turns.end() }
    try examine(&record)
  }

  private func examine(_ record: inout DocumentRecord) throws {
    let check = try ObjectCheck(record)
    let store = try stores.holding(check.url)
    let compared = try compared(check, in: store)
    let facts = DocumentFacts(record)
    var result = ValidateResult()
    result.checked = compared
    if let sample, sample.contains(record.id) {
      result.read = try check.compare(withBytes: try store.content(at: check.url))
    }
    guard let settling else {
      conclude(&record, .checked, facts, result)
      return
    }
    var completion = Completion(url: check.url, sha256: check.sha256, bytes: check.bytes)
    completion.md5 = check.md5
    completion.originalBytes = facts.originalBytes
    completion.actualBook = record.fetch?.actualBook
    completion.actualPage = record.fetch?.actualPage
    completion.isMismatch = facts.isMismatch
    completion.optimization = Optimization(record)
    let verdict = try settle(&record, .completed(completion), .completed, settling)
    conclude(&record, verdict, facts, result)
  }

  /// What was compared. What a store tells of an object may be late or wrong, so a document is refused only
  /// once its object was read to the end.
  private func compared(_ check: ObjectCheck, in store: any ObjectStore) throws -> String {
    let info = try store.info(at: check.url)
    do throws(RecordError) { return try check.compare(with: info) } catch {
      guard !check.contradictsNote(of: info) else { throw error }
      let content: ObjectInfo?
      do { content = try store.content(at: check.url) } catch let other as RecordError {
        // What cannot be read, as in an archive, proves nothing else.
        throw other.kind == .storeRejected ? error : other
      }
      return try check.compare(withBytes: content)
    }
  }

  func sawFailure(of record: inout DocumentRecord) throws {
    guard let error = record.error else { return }
    tally.met(error)
    guard let settling else {
      if error.kind == .interrupted {
        tally.add(.givenBack, record.id, DocumentFacts(record))
      } else {
        tally.failedUnsettled(DocumentFacts(record))
      }
      return
    }
    let outcome = AttemptPolicy.outcome(
      of: error, attempt: record.attempt ?? 1, firstWait: settling.firstWait,
      random: .random(in: 0...1))
    var verdict = ObjectVerdict.failed
    var result = ValidateResult()
    switch outcome {
    case .again(_, let wait, _):
      verdict = .again
      result.retryIn = wait
    case .givenBack: verdict = .givenBack
    case .completed, .failed: break
    }
    verdict = try settle(&record, outcome, verdict, settling)
    conclude(&record, verdict, DocumentFacts(record), result)
  }

  func sawInvalidLine() { tally.metInvalidLine() }

  /// The verdict `meant` where the index has it now; another one where it has not. What the index did not take
  /// is the document's error.
  private func settle(
    _ record: inout DocumentRecord, _ outcome: Settlement.Outcome, _ meant: ObjectVerdict,
    _ settling: Settling
  ) throws -> ObjectVerdict {
    guard let lease = Lease(record) else { return .leaseLost }
    switch try settling.settler.settle(Settlement(lease, outcome)) {
    case .written: return meant
    case .leaseLost: return .leaseLost
    case .refused(let reason):
      let error = RecordError(
        tool: "validate", .internal, "the index does not take its outcome: \(reason)",
        isRetryable: false)
      record.error = error
      tally.met(error)
      logger.error("\(record.id): \(error.message)")
      return .failed
    }
  }

  private func conclude(
    _ record: inout DocumentRecord, _ verdict: ObjectVerdict, _ facts: DocumentFacts,
    _ details: ValidateResult
  ) {
    tally.add(verdict, record.id, facts)
    switch verdict {
    case .checked, .completed, .failed: spool?.removeFiles(of: record, logger)
    // The fetched file saves the next attempt a request; and with a lease it is another's.
    case .again, .givenBack, .leaseLost: break
    }
    if verdict == .leaseLost {
      let why = Lease(record) == nil ? "it carries no lease" : "its lease is gone"
      logger.warning("\(record.label): \(why), so its outcome was not written")
    } else {
      logger.info("\(record.label): \(verdict.rawValue)")
    }
    var result = ValidateResult()
    result.outcome = verdict.rawValue
    result.checked = details.checked
    result.read = details.read
    result.retryIn = details.retryIn
    record.validate = result
  }
}
