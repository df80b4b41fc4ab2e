import CLI
import Common
import Logging
import Store

/// One run over the records of the input, with the progress shown beside it.
struct ValidationRun: Sendable {
  let stores: Stores
  let settling: Validator.Settling?
  let spool: Spool?
  let sample: Sample?
  let metrics: MetricsFile?
  let total: Int?
  let manner: ProgressDisplay.Manner
  let workers: Int
  let turns: WorkerTurns
  /// The folder where the tools of the run note their outages.
  let outages: String?
  let logger: Logger

  /// Runs to the end of the input; says how that went, and what it came to.
  /// Throws where metrics cannot be written at all.
  func perform(stop: Stop, output: Int32) throws -> (ExitCode, Summary) {
    let start = Time.monotonic()
    let tally = Tally()
    let display = ProgressDisplay(tool: "validate", manner: manner)
    let loop = StageLoop(
      tool: "validate", workers: workers, stop: stop, logger: logger, output: output)
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
  private func judged(_ code: ExitCode, _ figures: Figures) -> ExitCode {
    let isOrderly = code == .success || code == .documentsFailed
    return settling != nil && isOrderly ? figures.exitCode : code
  }
}
