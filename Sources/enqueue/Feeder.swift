import CLI
import Common
import Index
import Logging
import Config

/// Claims documents and writes them to the pipeline until the selection is done.
///
/// Three threads: one claims and writes, and waits for the reader; one renews the leases meanwhile (Ledger.swift), and one
/// looks for orders to stop. All use the same index.
struct Feeder {
  let index: any DocumentIndex
  let selection: Selection
  let run: Run
  /// Documents claimed at a time, at most, and at first.
  let batch: (maximum: Int, first: Int)
  /// Whether to wait for documents that are to come back.
  let waits: Bool
  let output: LineWriter
  let drain: DrainWatch
  let stop: ShutdownSignal
  let logger: Logger
  let ledger = Ledger()

  /// After a stop, what is left is given back when nothing was settled for so long, in seconds.
  private static let gracePeriod = 8.0
  /// Where a tool downstream died by itself, the others are done when nothing was settled for so long.
  private static let quiet = 2.0
  /// Looks for stale leases of other machines, while it waits, are so far apart, in seconds.
  private static let staleInterval = 30.0
  /// Looks for leases in our name that we did not hand out are so far apart, in seconds.
  private static let orphanInterval = 5.0
  private static let pipeBytes: Int32 = 4096

  /// Runs to the end of the selection, or until a stop is requested.
  func feedPipeline() throws -> ToolExit {
    StdoutGate.limitPipe(to: Self.pipeBytes)
    _ = try reclaimExpiredLeases()
    if selection.retriesFailed {
      let revived = try index.requeueFailed(selection)
      logger.notice("requeued \(Format.counted(revived, "failed document"))")
    }
    try feedAndRenew()
    let code = try stop.exitCode()
    return try reportRefusals(code == .success && drain.isOrdered.hasHappened ? .interrupted : code)
  }

  /// Documents that the table did not let us claim are left, and the run has not done all it was to do.
  private func reportRefusals(_ code: ToolExit) throws -> ToolExit {
    let refused = index.refusals.all
    guard let first = refused.first else { return code }
    for refusal in refused.prefix(100) {
      logger.error("\(refusal.id): the index refused the claim: \(refusal.reason)")
    }
    logger.error(
      """
      \(Format.counted(refused.count, "document")) could not be claimed. Document \(first.id): \
      \(first.reason). Check the table's triggers and constraints.
      """)
    return code == .success ? .documentsFailed : code
  }

  private func feedAndRenew() throws {
    let ended = Latch()
    try withCompanion({ renew(until: ended) }) {
      try withCompanion({ drain.run(until: ended) }) {
        // What the feeding ends with also ends the others.
        defer { ended.happen() }
        do {
          let obstacle = try feed()
          try finish(ended)
          if let obstacle { throw obstacle }
        } catch {
          stop.request(for: error, logger)
        }
      }
    }
  }

  /// Returns what a run that does not wait could not get past.
  private func feed() throws -> Fatal? {
    var shares = Shares(selection)
    var size = ClaimSize(maximum: batch.maximum, first: batch.first)
    var width = QuarantineWidth(maximum: batch.maximum)
    var blockage = Blockage()
    var lastLook = Time.monotonic()
    while mayClaim {
      var run = run
      run.claimsOnlyReturning = shares.isReached
      let share = shares.next(size.next)
      let records = try claim(share, run, &width, isBlocked: blockage.isSecondTry)
      if records.isEmpty, shares.exhaust(share) { continue }
      shares.count(records, share)
      if !records.isEmpty {
        blockage = Blockage()
        size.grow()
        try write(records)
        if seconds(since: lastLook) > Self.orphanInterval {
          lastLook = Time.monotonic()
          try releaseOrphans()
        }
        continue
      }
      switch try wait(run) {
      case .over: return nil
      case .nothingYet: blockage = Blockage()
      case .claimable: if let fatal = try waitOut(&blockage, run) { return fatal }
      }
    }
    reportLimit(shares)
    return nil
  }

  private var mayClaim: Bool { !stop.isRequested && !drain.isOrdered.hasHappened }

  private func claim(
    _ share: Shares.Share, _ run: Run, _ width: inout QuarantineWidth, isBlocked: Bool
  ) throws -> [DocumentRecord] {
    let trusted = try index.claim(.trusted, share.selection, for: run, count: share.count)
    guard trusted.isEmpty else { return trusted }
    let quarantined = try index.claim(
      .quarantined, share.selection, for: run, count: min(width.next, share.count))
    if !quarantined.isEmpty { width.claimed(quarantined.count) }
    guard quarantined.isEmpty, isBlocked else { return quarantined }
    return try index.claimOneByOne(share.selection, for: run, count: batch.maximum)
  }

  /// There is something to claim, and claims change nothing: waits longer and longer, and says why.
  /// Returns what a run ends with that does not wait.
  private func waitOut(_ blockage: inout Blockage, _ run: Run) throws -> Fatal? {
    let pause = blockage.next()
    try releaseOrphans()
    if blockage.isWorthAWord {
      let obstacle = try index.obstacle(selection, for: run)
      index.refusals.forgetUnchanged()
      let reason = "claims have no effect: \(obstacle.reason)"
      if !waits { return Fatal(obstacle.code, reason) }
      logger.warning("\(reason). Retrying in \(Format.duration(seconds: pause)).")
    }
    _ = stop.sleep(seconds: pause)
    return nil
  }

  private func reportLimit(_ shares: Shares) {
    guard stop.reason == .interrupted, let limit = selection.limit, let left = shares.left else {
      return
    }
    logger.notice(
      """
      interrupted after \(limit - left) of at most \(limit) documents. The same command takes up to \(limit) \
      more, --limit \(left) the rest.
      """)
  }

  /// Writes records one by one, as the pipeline takes them; what a stop leaves over is given back.
  private func write(_ records: [DocumentRecord]) throws {
    logger.info("claimed \(records.count) documents")
    ledger.handOut(records.compactMap { Lease($0) })
    for (number, record) in records.enumerated() {
      if StdoutGate.waitUntilWritable(stop, unless: drain.isOrdered),
        output.write([JSON.object(record.fields).serialized()])
      {
        continue
      }
      let rest = records[number...].compactMap { Lease($0) }
      ledger.forget(Set(rest))
      try index.release(rest)
      logger.info("released \(Format.counted(rest.count, "document")) that were not written")
      return
    }
  }

  private enum Prospect { case claimable, nothingYet, over }

  /// Waits a little, unless something can be claimed, or nothing will be.
  private func wait(_ run: Run) throws -> Prospect {
    var pause = 0.2
    var watch = StallWatch()
    var lastLook = Time.monotonic()
    while mayClaim {
      let (counts, rest) = try look(run)
      if counts.claimable > 0 { return pause == 0.2 ? .claimable : .nothingYet }
      if !waits { return .over }
      if counts.inProgressHere > 0 { try releaseOrphans() }
      let isEnd = counts.waiting == 0 && counts.inProgressHere == 0
      // Leases of another machine may have run out since: no other process would notice.
      let mayBeStale = counts.inProgressElsewhere > 0 || ledger.hasDoubtful
      if mayBeStale, isEnd || seconds(since: lastLook) > Self.staleInterval {
        lastLook = Time.monotonic()
        if try reclaimExpiredLeases() { continue }
      }
      if isEnd {
        reportOthers(counts)
        return .over
      }
      if watch.isStalled(counts) {
        logger.warning(
          """
          no progress for \(Format.duration(seconds: StallWatch.limit)) with \
          \(Format.counted(counts.inProgressHere, "document")) in flight. Is "validate --settle" running \
          at the end of the pipeline?
          """)
      }
      _ = stop.sleep(seconds: max(rest, min(counts.secondsToNext ?? pause, pause)))
      pause = min(1, pause * 1.5)
    }
    return .over
  }

  /// What there is to do, and how long to leave the index alone, in seconds: looking at a large one costs
  /// something, and must not become the work.
  private func look(_ run: Run) throws -> (QueueCounts, rest: Double) {
    let started = Time.monotonic()
    let counts = try index.queueCounts(selection, for: run)
    let cost = Double(Time.monotonic() - started) / 1e9
    return (counts, min(1, max(0.01, 10 * cost)))
  }

  func seconds(since time: Int64) -> Double { Double(Time.monotonic() - time) / 1e9 }

  private func reportOthers(_ counts: QueueCounts) {
    guard counts.inProgressElsewhere > 0 else { return }
    logger.notice(
      "other runs are working on \(Format.counted(counts.inProgressElsewhere, "document")) of the selection"
    )
  }

  /// Keeps the leases until all that is in the pipeline is settled: with `--no-wait` as long as something
  /// moves, after a stop until nothing has for a few seconds. Then a stop gives back what is left, uncounted: these
  /// documents did nothing wrong. A settlement that comes after that is refused.
  ///
  /// The output stays open until there is a stop: only so is a tool noticed that ended for good, which
  /// takes its reader away.
  private func finish(_ ended: Latch) throws {
    if case .failed = stop.reason { return }
    var watch = StallWatch(limit: run.leaseSeconds)
    var isStopping = false
    while true {
      if stop.isRequested, !isStopping {
        isStopping = true
        output.close()
        watch = StallWatch(
          limit: stop.reason == .downstreamClosed ? Self.quiet : Self.gracePeriod)
      }
      try releaseOrphans()
      let (counts, rest) = try look(run)
      if counts.inProgressHere == 0 { return }
      // After a stop, of this run alone: others may go on for days.
      if watch.isStalled(isStopping ? counts.here : counts) { break }
      let seconds = max(0.1, rest)
      _ = isStopping ? ended.sleep(seconds: seconds) : stop.sleep(seconds: seconds)
    }
    guard isStopping else {
      logger.notice("exiting with documents still in progress; their leases will expire")
      return
    }
    let left = try index.releaseAll(of: run)
    if left > 0 {
      logger.notice("released \(Format.counted(left, "document")) that were still in progress")
    }
  }
}
