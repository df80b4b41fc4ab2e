import Common
import Files
import Logging
import Page

/// What the figures of a run are called in Prometheus (docs/validate.md, "Metrics").
struct Meter: Sendable {
  let tally: StatisticsCollector
  let total: Int?
  /// When the run began, on the monotonic clock.
  let start: Int64

  /// All figures at this moment.
  func metrics(isRunning: Bool) -> MetricsText {
    let figures = tally.figures
    let seconds = Double(Time.monotonic() - start) / 1e9
    var text = MetricsText()
    text.gauge("running", "Whether a run is going on", isRunning ? 1 : 0)
    text.gauge("run_start_time_seconds", "When the run began, since 1970", now - seconds, 3)
    text.gauge("run_duration_seconds", "How long the run has taken", seconds, 3)
    if let total { text.gauge("documents", "Documents that the run has to do", Double(total)) }
    text.gauge("documents_waiting", "Documents that wait for a retry", Double(figures.waiting))
    text.gauge(
      "documents_given_back", "Documents given back, not begun, because the run was stopped",
      Double(figures.givenBack))
    text.counter("attempts_total", "Documents, each as often as it came", figures.attempts)
    text.counter("documents_completed_total", "Documents that the store has", figures.completed)
    text.counter("documents_skipped_total", "Of these, in the store before", figures.skipped)
    text.counter(
      "documents_encrypted_total", "Of these, open only with a password", figures.encrypted)
    text.counter(
      "documents_failed_total", "Documents not tried again, without absent ones", figures.failed)
    text.counter(
      "documents_absent_total", "Documents that the portal does not have", figures.absent)
    text.counter("leases_lost_total", "Documents whose lease was gone", figures.leaseLost)
    text.counter("invalid_lines_total", "Lines that were no records", figures.invalidLines)
    text.counter("mismatches_total", "Completed with another book or page", figures.mismatches)
    text.counter("original_bytes_total", "Bytes that the portals sent", figures.originalBytes)
    text.counter("stored_bytes_total", "Bytes stored of the same documents", figures.storedBytes)
    text.counter(
      "portal_documents_completed_total", "Documents that the store has, by portal", "portal",
      tally.rankings(errors: 0).portals.map { ($0.text, $0.count) })
    text.counter(
      "errors_total", "Errors met, by class", "class",
      tally.errorClasses.map { ($0.key.rawValue, $0.value) }.sorted { $0.0 < $1.0 })
    return text
  }

  private var now: Double { Double(Time.wall()) / 1e9 }
}

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

  /// Writes it again and again, and a last time when `done` happens. A disk that is full just
  /// now is no reason to end the run.
  func run(_ meter: Meter, until done: Latch) {
    var isRunning = true
    while isRunning {
      isRunning = done.sleep(seconds: Self.interval)
      do throws(Fatal) { try write(meter, isRunning: isRunning) } catch {
        logger.warning("\(error.message)")
      }
    }
  }
}
