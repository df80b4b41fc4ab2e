import CLI
import Common
import Index
import Logging
import Store

/// One run over the records of the input, with the progress shown beside it.
struct ValidationRun: Sendable {
  let stores: Stores
  let settling: Validator.Settling?
  let spool: SpoolFiles?
  let sample: Sample?
  let metrics: MetricsFile?
  let total: Int?
  let style: ProgressDisplay.Style
  let workers: Int
  let turns: WorkerTurns
  /// The folder where the tools of the run note their outages.
  let outages: String?
  let status: StatusNotice?
  let logger: Logger

  /// Runs to the end of the input; says how that went, and what it came to.
  /// Throws where metrics cannot be written at all.
  func perform(stop: ShutdownSignal, output: Int32) throws -> (ToolExit, Summary) {
    let start = Time.monotonic()
    let tally = StatisticsCollector()
    let display = ProgressDisplay(tool: "validate", style: style)
    let loop = RecordLoop(
      tool: "validate", workers: workers, stop: stop, logger: logger, output: output, status: status
    )
    let meter = Meter(tally: tally, total: total, start: start)
    try metrics?.write(meter, isRunning: true)
    let code = ProgressDisplay.beside([
      { display.show(tally, total: total, outages: outages, since: start, until: $0) },
      { metrics?.run(meter, until: $0) },
    ]) {
      loop.run { worker in
        var logger = logger
        logger[metadataKey: "worker"] = "\(worker)"
        return Validator(
          stores: stores, settling: settling, spool: spool, sample: sample, tally: tally,
          turns: turns, stop: stop, logger: logger)
      }
    }
    let seconds = Double(Time.monotonic() - start) / 1e9
    return (judged(code, tally.figures), Summary(tally, seconds: seconds))
  }

  /// A document that failed and was completed later is no failure of a run that settles; what is
  /// still waiting is one, and only here is it known.
  private func judged(_ code: ToolExit, _ figures: RunStatistics) -> ToolExit {
    let isOrderly = code == .success || code == .documentsFailed
    return settling != nil && isOrderly ? figures.exitCode : code
  }
}

/// Writes outcomes to the index, those of all threads that wait at the same time in one transaction.
struct Settler: Sendable {
  private let group: GroupCommit<Settlement, SettlementResult>

  init(index: any DocumentIndex) { group = GroupCommit { try index.settle($0) } }

  /// Settles one document. When this returns, it is durable.
  func settle(_ settlement: Settlement) throws(Fatal) -> SettlementResult {
    try group.submit(settlement)
  }
}
