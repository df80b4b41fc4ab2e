import CLI
import Common

/// The figures of a run as one line. Pure: the same figures and width give the same line.
enum ProgressLine {
  /// What is to be shown.
  struct State: Sendable, Equatable {
    var figures = RunStatistics()
    /// How many documents there are to do, where it is known.
    var total: Int?
    /// Seconds since the run began.
    var elapsed = 0.0
    /// Completed documents per hour over the last minute, once there is one.
    var recentRate: Double?
    /// Documents per hour over the last minute that will not come again, whatever became of them.
    var recentDoneRate: Double?
    /// What its tools wait for.
    var outages: [OutageReport] = []
    /// Nanoseconds since 1970.
    var now: Int64 = 0
  }

  /// The line, at most `width` characters long: what matters least goes first. Without a width (not
  /// a terminal) all of it, and no bar.
  static func render(_ state: State, width: Int?) -> String {
    let share = state.total.map { $0 == 0 ? 1 : Double(state.figures.done) / Double($0) }
    // In an outage its words need the room that the bar would take.
    return parts(state, width).line(width: width, share: state.outages.isEmpty ? share : nil)
  }

  private static func parts(_ state: State, _ width: Int?) -> ProgressParts {
    let figures = state.figures
    var parts = ProgressParts()
    func add(_ rank: Int, _ text: String) { parts.add(rank, text) }
    // What is waited for comes first, and is kept longest.
    if let outage = state.outages.first {
      add(0, width == nil ? outage.text(now: state.now) : outage.short(now: state.now))
      if state.outages.count > 1 {
        add(2, "\(Format.counted(state.outages.count - 1, "other outage"))")
      }
    }
    let isOut = !state.outages.isEmpty
    let done = Format.count(figures.done)
    if let total = state.total {
      let share = isOut ? "" : " \(Format.percent(figures.done, of: total))"
      add(isOut ? 1 : 0, "\(done)/\(Format.count(total))\(share)")
    } else {
      add(isOut ? 1 : 0, "\(done) done")
    }
    let rate = state.overallRate
    if let recent = state.recentRate {
      add(isOut ? 6 : 1, "\(Format.rate(recent))/h")
      add(7, "run \(Format.rate(rate))/h")
    } else {
      add(isOut ? 6 : 1, "\(Format.rate(rate))/h")
    }
    if let left = state.secondsLeft { add(2, "\(Format.duration(seconds: left)) left") }
    let judged = figures.completed + figures.failed
    if judged > 0 { add(3, "\(Format.percent(figures.completed, of: judged)) ok") }
    if figures.absent > 0 { add(4, "\(Format.count(figures.absent)) absent") }
    if figures.waiting > 0 { add(4, "\(Format.count(figures.waiting)) waiting") }
    if figures.mismatches > 0 {
      add(5, Format.counted(figures.mismatches, "mismatch", "mismatches"))
    }
    if figures.savedBytes > 0 { add(6, "\(Format.bytes(figures.savedBytes)) saved") }
    return parts
  }
}

extension ProgressLine.State {
  /// Completed documents per hour over the whole run.
  var overallRate: Double { elapsed > 0 ? Double(figures.completed) / elapsed * 3600 : 0 }

  /// Seconds until all is done, at the pace of the last minute, or else of the run. Documents that
  /// fail need not be waited for, either.
  var secondsLeft: Double? {
    guard let total, figures.done > 0 else { return nil }
    let left = max(0, total - figures.done)
    if left == 0 { return 0 }
    let overall = elapsed > 0 ? Double(figures.done) / elapsed * 3600 : 0
    let rate = recentDoneRate.flatMap { $0 > 0 ? $0 : nil } ?? overall
    return rate > 0 ? Double(left) / rate * 3600 : nil
  }
}

extension ProgressDisplay {
  /// Shows the figures of a run that began at `start` on the monotonic clock, until it is `done`.
  func show(
    _ tally: StatisticsCollector, total: Int?, outages folder: String?, since start: Int64,
    until done: Latch
  ) {
    var completed = RateWindow()
    var finished = RateWindow()
    run(until: done) { width in
      var state = ProgressLine.State(
        figures: tally.figures, total: total, elapsed: Double(Time.monotonic() - start) / 1e9)
      state.recentRate = completed.rate(state.figures.completed, at: state.elapsed)
      state.recentDoneRate = finished.rate(state.figures.done, at: state.elapsed)
      state.now = Time.wall()
      state.outages = folder.map { OutageReport.current(in: $0, now: state.now) } ?? []
      completed.add(state.figures.completed, at: state.elapsed)
      finished.add(state.figures.done, at: state.elapsed)
      return ProgressLine.render(state, width: width)
    }
  }
}
