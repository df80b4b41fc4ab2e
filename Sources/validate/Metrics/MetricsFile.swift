import Common
import Logging

/// Keeps a file up to date for the text collector of Prometheus' node exporter.
struct MetricsFile: Sendable {
  /// Seconds between two writes: the usual interval of a scrape.
  static let interval = 15.0

  let path: String
  let logger: Logger

  /// Writes it once, whole or not at all.
  func write(_ meter: Meter, isRunning: Bool) throws(Fatal) {
    let text = meter.metrics(isRunning: isRunning).text
    try WholeFile.write(Array(text.utf8), to: path, what: "the metrics file")
  }

  /// Writes it again and again, and a last time when `done` is requested. A disk that is full just
  /// now is no reason to end the run.
  func run(_ meter: Meter, until done: Stop) {
    var isRunning = true
    while isRunning {
      isRunning = done.sleep(seconds: Self.interval)
      do throws(Fatal) { try write(meter, isRunning: isRunning) } catch {
        logger.warning("\(error.message)")
      }
    }
  }
}
