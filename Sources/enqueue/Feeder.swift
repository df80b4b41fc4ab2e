import Common
import Index
import Logging
import Stages

/// Claims documents and writes them to the belt until the selection is done.
///
/// Two threads: one claims and writes, and is held up by whoever reads; the other renews the leases
/// meanwhile. Both use the same index.
struct Feeder {
  let index: any DocumentIndex
  let selection: Selection
  let run: Run
  /// Documents claimed at a time.
  let batch: Int
  /// Whether to wait for documents that are to come back.
  let waits: Bool
  let output: LineWriter
  let stop: Stop
  let logger: Logger

  /// After a stop, the tools downstream get this long to settle what they have, in seconds.
  private static let patience = 8.0
  /// Where a tool downstream died by itself, the others are done when nothing was settled for so long.
  private static let quiet = 2.0
  /// Looks for stale leases of other machines, while it waits, are so far apart, in seconds.
  private static let staleInterval = 30.0

  /// Runs to the end of the selection, or until a stop is requested.
  func feedBelt() throws -> ExitCode {
    _ = try takeBackStale()
    if selection.retriesFailed {
      let revived = try index.reviveFailed(selection)
      logger.notice("\(revived) failed documents are tried again")
    }
    try feedAndRenew()
    return try stop.exitCode()
  }

  private func takeBackStale() throws -> Bool {
    let stale = try index.takeBackStale()
    if stale > 0 { logger.notice("took back \(stale) documents that nobody works on any more") }
    return stale > 0
  }

  private func feedAndRenew() throws {
    let ended = Stop()
    try withCompanion({ renew(until: ended) }) {
      // What the feeding ends with also ends the renewal.
      defer { ended.request(.downstreamClosed) }
      do {
        try feed()
        try drain(ended)
      } catch {
        stop.request(for: error, logger)
      }
    }
  }

  private func renew(until ended: Stop) {
    while ended.sleep(seconds: run.leaseSeconds / 3) {
      do {
        let count = try index.renewLeases(of: run)
        logger.debug("renewed \(count) leases")
      } catch {
        stop.request(for: error, logger)
      }
    }
  }

  private func feed() throws {
    var quota = Quota(limit: selection.limit)
    while !stop.isRequested {
      var run = run
      run.claimsOnlyReturning = quota.isReached
      let records = try index.claim(selection, for: run, count: quota.next(batch))
      quota.count(records)
      if !records.isEmpty {
        logger.info("claimed \(records.count) documents")
        try write(records)
      } else if try !moreComes(run) {
        return
      }
    }
  }

  /// Writes records one by one, as the belt takes them; what a stop leaves over is given back.
  private func write(_ records: [Record]) throws {
    for (number, record) in records.enumerated() {
      if Outlet.waitUntilWritable(stop), output.write([JSON.object(record.fields).serialized()]) {
        continue
      }
      let rest = records[number...].compactMap { Lease($0) }
      try index.release(rest)
      logger.info("gave \(rest.count) documents back that were not written yet")
      return
    }
  }

  /// Waits until something can be claimed. False when nothing will be, or the run is to end.
  private func moreComes(_ run: Run) throws -> Bool {
    var pause = 0.2
    var watch = StallWatch()
    var lastLook = Time.monotonic()
    while !stop.isRequested {
      let (outlook, rest) = try look(run)
      if outlook.claimable > 0 { return true }
      if !waits { return false }
      let isEnd = outlook.waiting == 0 && outlook.inProgressHere == 0
      // Leases of another machine may have run out since: there is nobody else to notice.
      if outlook.inProgressElsewhere > 0, isEnd || seconds(since: lastLook) > Self.staleInterval {
        lastLook = Time.monotonic()
        if try takeBackStale() { continue }
      }
      if isEnd {
        tellOthers(outlook)
        return false
      }
      if watch.isStalled(outlook) {
        logger.warning(
          """
          nothing was settled for \(Format.duration(seconds: StallWatch.limit)), and \
          \(outlook.inProgressHere) documents are on the belt; is validate --settle at its end?
          """)
      }
      _ = stop.sleep(seconds: max(rest, min(outlook.secondsToNext ?? pause, pause)))
      pause = min(1, pause * 1.5)
    }
    return false
  }

  /// The outlook, and how long to leave the index alone, in seconds: looking at a large one costs
  /// something, and must not become the work.
  private func look(_ run: Run) throws -> (Outlook, rest: Double) {
    let started = Time.monotonic()
    let outlook = try index.outlook(selection, for: run)
    let cost = Double(Time.monotonic() - started) / 1e9
    return (outlook, min(1, max(0.01, 10 * cost)))
  }

  private func seconds(since time: Int64) -> Double { Double(Time.monotonic() - time) / 1e9 }

  private func tellOthers(_ outlook: Outlook) {
    guard outlook.inProgressElsewhere > 0 else { return }
    logger.notice(
      "\(outlook.inProgressElsewhere) documents of the selection are in progress with other runs")
  }

  /// Ends the belt and keeps the leases until all that is on it is settled: with `--no-wait` as long
  /// as something moves, after a stop for a few seconds. Then a stop gives back what is left,
  /// uncounted: these documents did nothing wrong. A settlement that comes after that is refused.
  private func drain(_ ended: Stop) throws {
    if case .failed = stop.reason { return }
    output.close()
    var watch = StallWatch(limit: stop.reason == .downstreamClosed ? Self.quiet : run.leaseSeconds)
    while true {
      let (outlook, rest) = try look(run)
      if outlook.inProgressHere == 0 { return }
      if stop.age > Self.patience || watch.isStalled(outlook) { break }
      _ = ended.sleep(seconds: max(0.1, rest))
    }
    guard stop.isRequested else {
      logger.notice("documents are still in progress; their leases end")
      return
    }
    let left = try index.releaseAll(of: run)
    if left > 0 { logger.notice("gave \(left) documents back that were still in progress") }
  }
}
