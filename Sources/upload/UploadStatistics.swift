import CLI
import Common
import Glibc
import Store
import Synchronization

/// Counts what became of the documents of a run, for the progress line.
final class UploadStatistics: Sendable {
  /// Counts at a moment.
  struct Counts: Sendable, Equatable {
    var put = 0
    var skipped = 0
    var failed = 0
    /// Bytes that were sent.
    var bytes = 0
  }

  private let state = Mutex(Counts())

  func add(_ object: StoredObject) {
    state.withLock {
      $0.put += object.isSkipped ? 0 : 1
      $0.skipped += object.isSkipped ? 1 : 0
      $0.bytes += object.isSkipped ? 0 : object.bytes
    }
  }

  func addFailure() { state.withLock { $0.failed += 1 } }

  var figures: Counts { state.withLock { $0 } }
}

extension UploadStatistics.Counts {
  /// The progress line; `bytesPerHour` over the last minute, or else over the run.
  func line(bytesPerHour: Double, width: Int?) -> String {
    var parts = ProgressParts()
    parts.add(0, "\(Format.count(put + skipped + failed)) done")
    parts.add(1, "\(Format.bytes(Int(bytesPerHour / 3600)))/s")
    parts.add(4, "\(Format.bytes(bytes)) sent")
    if skipped > 0 { parts.add(3, "\(Format.count(skipped)) there already") }
    if failed > 0 { parts.add(2, "\(Format.count(failed)) failed") }
    return parts.line(width: width)
  }
}

extension ProgressDisplay {
  /// Shows the figures of a run that begins now, until it is `done`.
  func show(_ tally: UploadStatistics, until done: Latch) {
    let start = Time.monotonic()
    var window = RateWindow()
    run(until: done) { width in
      let elapsed = Double(Time.monotonic() - start) / 1e9
      let figures = tally.figures
      let recent = window.rate(figures.bytes, at: elapsed)
      window.add(figures.bytes, at: elapsed)
      return figures.line(
        bytesPerHour: recent ?? Double(figures.bytes) / elapsed * 3600, width: width)
    }
  }
}

extension ProgressMode {
  /// How a tool in the middle of the pipeline shows progress: by itself only where the records go to a
  /// file. Into a pipe, it is `validate` that shows it; on a terminal, the records are to be seen.
  var styleInPipeline: ProgressDisplay.Style {
    guard self == .auto else { return style }
    var status = stat()
    let isFile =
      fstat(STDOUT_FILENO, &status) == 0 && status.st_mode & S_IFMT != S_IFIFO
      && isatty(STDOUT_FILENO) == 0
    return isFile ? style : .silent
  }
}
