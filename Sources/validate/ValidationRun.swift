import CLI
import Common
import Logging
import Store

/// One run over the records of the input, with the progress shown beside it.
struct ValidationRun: Sendable {
  let store: (any ObjectStore)?
  let settling: Validator.Settling?
  let spool: Spool?
  let total: Int?
  let manner: ProgressDisplay.Manner
  let workers: Int
  let logger: Logger

  /// Runs to the end of the input; says how that went, and what it came to.
  func perform(stop: Stop, output: Int32) -> (ExitCode, Summary) {
    let start = Time.monotonic()
    let tally = Tally()
    let display = ProgressDisplay(tool: "validate", manner: manner)
    let loop = StageLoop(
      tool: "validate", workers: workers, stop: stop, logger: logger, output: output)
    let code = display.beside {
      loop.run { worker in
        var logger = logger
        logger[metadataKey: "worker"] = "\(worker)"
        return Validator(
          store: store, settling: settling, spool: spool, tally: tally, logger: logger)
      }
    } show: { done in
      display.show(tally, total: total, since: start, until: done)
    }
    return (judged(code, tally.figures), Summary(tally, since: start))
  }

  /// A document that failed and was completed later is no failure of a run that settles; what is
  /// still waiting is one, and only here is it known.
  private func judged(_ code: ExitCode, _ figures: Figures) -> ExitCode {
    let isOrderly = code == .success || code == .documentsFailed
    return settling != nil && isOrderly ? figures.exitCode : code
  }
}
