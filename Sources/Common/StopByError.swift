import Logging

extension Stop {
  /// Asks everybody to come to an end, because of an error that the run cannot go on with. Where an
  /// interruption came first, the run ends by that, and the error, which nobody else would tell, is
  /// logged here.
  public func request(for error: any Error, _ logger: Logger) {
    let fatal = Fatal(describing: error)
    if reason == .interrupted { logger.critical("\(fatal.message)") }
    request(.failed(fatal))
  }
}
