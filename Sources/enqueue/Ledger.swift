import Common
import Index
import Logging
import Synchronization

/// The leases of what this run has written to the pipeline, or is about to. The index may have others in
/// the run's name, which no pipeline works on: a claim that the server made after its client was cut off, or rows of an
/// older copy of the database that came back under a living run. To renew those would keep them in
/// progress for ever.
final class Ledger: Sendable {
  /// Nothing is in a pipeline for so long, in seconds: the longest outage that `fetch` waits out is
  /// half of it. What the index still calls in progress then is left to run out.
  static let longest = 12.0 * 3600

  private struct State {
    /// When each was handed out.
    var held: [Lease: Int64] = [:]
    /// What the tokens of all claims begin with that were handed out.
    var marks: Set<Substring> = []
    /// Held, but perhaps not in the pipeline any more: not to be renewed.
    var doubtful: Set<Lease> = []
  }

  private let state = Mutex(State())

  /// Takes leases in, before their records are written.
  func handOut(_ leases: [Lease], now: Int64 = Time.monotonic()) {
    state.withLock { state in
      for lease in leases {
        state.held[lease] = now
        state.marks.insert(lease.mark)
      }
    }
  }

  /// All that are held.
  var leases: Set<Lease> { state.withLock { Set($0.held.keys) } }

  /// Those to be renewed.
  func renewable(now: Int64 = Time.monotonic()) -> [Lease] {
    state.withLock { state in
      state.held.filter { lease, since in
        Double(now - since) / 1e9 < Self.longest && !state.doubtful.contains(lease)
      }.map(\.key)
    }
  }

  /// Forgets leases that are settled, or lost.
  func forget(_ leases: Set<Lease>) {
    guard !leases.isEmpty else { return }
    state.withLock { state in
      for lease in leases { state.held[lease] = nil }
      state.doubtful.subtract(leases)
    }
  }

  /// Of all leases that the index has in this run's name, those that no pipeline works on. One that was handed out and
  /// settled before tells that an older copy of the database has come back: what is held may have been settled since
  /// that copy was made, so it is not renewed any more.
  func orphans(among all: [Lease]) -> (leases: [Lease], isOlderCopy: Bool) {
    state.withLock { state in
      let orphans = all.filter { state.held[$0] == nil }
      let isOlderCopy = orphans.contains { state.marks.contains($0.mark) }
      if isOlderCopy { state.doubtful.formUnion(state.held.keys) }
      return (orphans, isOlderCopy)
    }
  }

  /// Whether leases are left to run out.
  var hasDoubtful: Bool { state.withLock { !$0.doubtful.isEmpty } }
}

// What a run does about leases, its own and those that were lost.
extension Feeder {
  /// Seconds between two looks at what is settled.
  private static let settledInterval = 2.0

  func reclaimExpiredLeases() throws -> Bool {
    let stale = try index.reclaimExpiredLeases()
    if stale > 0 {
      logger.notice(
        "reclaimed \(Format.counted(stale, "document")) with expired leases or dead owners")
    }
    return stale > 0
  }

  /// Renews what was handed out, and forgets what is settled: soon, because only what was seen settled tells an older
  /// copy of the index that comes back (``Ledger/orphans(among:)``).
  func renew(until ended: Latch) {
    let interval = run.leaseSeconds / 3
    var lastRenewal = Time.monotonic()
    while ended.sleep(seconds: min(interval, Self.settledInterval)) {
      do {
        // In this order: what is handed out meanwhile is not taken for settled.
        let before = ledger.leases
        ledger.forget(before.subtracting(try index.leases(of: run)))
        guard seconds(since: lastRenewal) >= interval else { continue }
        lastRenewal = Time.monotonic()
        let count = try index.renew(ledger.renewable(), of: run)
        logger.debug("renewed \(count) leases")
      } catch {
        stop.request(for: error, logger)
      }
    }
  }

  /// Gives back what the index has in our name and no pipeline works on. Not while a claim is under way.
  func releaseOrphans() throws {
    let before = ledger.leases
    let all = try index.leases(of: run)
    ledger.forget(before.subtracting(all))
    let (orphans, isOlderCopy) = ledger.orphans(among: all)
    guard !orphans.isEmpty else { return }
    try index.release(orphans)
    let reason =
      isOlderCopy
      ? ": the index is an older copy of itself. Leases that may still be settled will expire." : ""
    logger.notice(
      """
      released \(Format.counted(orphans.count, "document")) that this run had claimed but not handed \
      out\(reason)
      """)
  }
}
