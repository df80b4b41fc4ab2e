import Common
import Glibc

/// Shows the progress line while the work goes on: redrawn in place on a terminal, a plain line now
/// and then elsewhere. Colours are never used, which is what `NO_COLOR` asks for.
struct ProgressDisplay: Sendable {
  /// How often, and how.
  enum Manner: Sendable, Equatable {
    /// Nothing at all.
    case silent
    /// One line, redrawn.
    case redrawn
    /// Lines without control characters.
    case plain

    /// Seconds between two looks.
    var interval: Double { self == .plain ? 30 : 0.2 }
  }

  private static let clearToEnd = "\u{1B}[K"

  let manner: Manner
  let tally: Tally
  let total: Int?
  /// When the run began, on the monotonic clock.
  let start: Int64

  /// Shows until `done` is requested.
  func run(until done: Stop) {
    guard manner != .silent else { return }
    var windows = Windows()
    while done.sleep(seconds: manner.interval) { show(&windows) }
    // What stands there is replaced by the summary.
    if manner == .redrawn { put("\r" + Self.clearToEnd) }
  }

  /// The last minute of what is counted.
  private struct Windows {
    var completed = RateWindow()
    var done = RateWindow()

    init() {
      completed.add(0, at: 0)
      done.add(0, at: 0)
    }
  }

  private func show(_ windows: inout Windows) {
    var state = ProgressLine.State(
      figures: tally.figures, total: total, elapsed: Double(Time.monotonic() - start) / 1e9)
    state.recentRate = windows.completed.rate(state.figures.completed, at: state.elapsed)
    state.recentDoneRate = windows.done.rate(state.figures.done, at: state.elapsed)
    windows.completed.add(state.figures.completed, at: state.elapsed)
    windows.done.add(state.figures.done, at: state.elapsed)
    switch manner {
    case .silent: break
    case .plain: put("validate: " + ProgressLine.render(state, width: nil) + "\n")
    case .redrawn:
      // The cursor goes back to the left, so that a log line of another tool begins there. One column
      // stays free, because some terminals wrap when the last one is written.
      let line = ProgressLine.render(state, width: Self.terminalWidth() - 1)
      put("\r" + line + Self.clearToEnd + "\r")
    }
  }

  private func put(_ text: String) { _ = writeAll(Array(text.utf8), to: STDERR_FILENO) }

  private static func terminalWidth() -> Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return max(20, min(500, Int(size.ws_col)))
  }
}
