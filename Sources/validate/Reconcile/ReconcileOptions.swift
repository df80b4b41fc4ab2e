import Checkpoint
import ArgumentParser
import Common
import Glibc
import Index
import Logging
import Config
import Store

/// The options of `validate --reconcile`, and what they start.
struct ReconcileOptions: ParsableArguments {
  @Flag(help: "Hold index, store and fetch's checkpoint against each other; one line a difference.")
  var reconcile = false

  @Flag(help: "Set documents whose object is missing or wrong back to pending.")
  var repair = false

  @Flag(help: "With --repair: show what would be set back, and write nothing.")
  var dryRun = false

  @Flag(help: "Objects that no document names are no differences.")
  var oneWay = false

  /// Throws what the command line gets wrong. `isElsewhere`: something else was asked for, too.
  func check(index: String?, to: String?, isElsewhere: Bool) throws {
    guard reconcile else {
      if repair || dryRun || oneWay {
        throw ValidationError("--repair, --dry-run and --one-way belong to --reconcile.")
      }
      return
    }
    if isElsewhere {
      throw ValidationError(
        "--reconcile goes without --settle, --files and the views of the index.")
    }
    if index == nil || to == nil { throw ValidationError("--reconcile needs --index and --to.") }
    if dryRun, !repair { throw ValidationError("--dry-run belongs to --repair.") }
  }

  func perform(
    _ index: any DocumentIndex, _ store: any ObjectStore, _ selection: Selection, sample: Sample?,
    state: String?, workers: Int, summary: String?, stop: ShutdownSignal, logger: Logger
  ) throws -> ToolExit {
    let writer = LineWriter(descriptor: STDOUT_FILENO, stop: stop)
    var reconciliation = Reconciliation(
      index, store, selection, repair ? dryRun ? .dryRun : .requeueCompleted : .none, sample,
      workers: workers, stop: stop, write: { writer.write($0) })
    if let state, access(state, F_OK) != 0 {
      throw Fatal(.configuration, "there is no state directory \(state)")
    }
    do { try reconciliation.run(fetched: try state.flatMap { try FetchedPages(state: $0) }) } catch
    {
      guard stop.isRequested else { throw error }
    }
    if case .failed(let fatal) = stop.reason { throw fatal }
    let totals = reconciliation.totals
    Console.write(totals.text)
    if let summary {
      try WholeFile.write(totals.json.serialized() + [0x0A], to: summary, what: "the summary")
    }
    logger.info("reconciled \(store.place): \(totals.json)")
    switch stop.reason {
    case .interrupted: return .interrupted
    default: return totals.exitCode(oneWay: oneWay)
    }
  }
}
