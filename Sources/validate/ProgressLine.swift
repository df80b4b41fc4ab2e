import Common

/// The figures of a run as one line. Pure: the same figures and width give the same line.
enum ProgressLine {
  /// What is to be shown.
  struct State: Sendable, Equatable {
    var figures = Figures()
    /// How many documents there are to do, where it is known.
    var total: Int?
    /// Seconds since the run began.
    var elapsed = 0.0
    /// Completed documents per hour over the last minute, once there is one.
    var recentRate: Double?
    /// Documents per hour over the last minute that will not come again, whatever became of them.
    var recentDoneRate: Double?
  }

  private static let narrowestBar = 10
  private static let widestBar = 40

  /// The line, at most `width` characters long: what matters least goes first. Without a width (not
  /// a terminal) all of it, and no bar.
  static func render(_ state: State, width: Int?) -> String {
    var parts = Self.parts(state)
    guard let width else { return parts.map(\.text).joined(separator: " · ") }
    let bar = state.total.map { share(state.figures.done, of: $0) }
    let reserved = bar == nil ? 0 : narrowestBar + 3
    while parts.count > 1, length(parts) + reserved > width,
      let least = parts.indices.max(by: { parts[$0].rank < parts[$1].rank })
    {
      parts.remove(at: least)
    }
    let text = parts.map(\.text).joined(separator: " · ")
    let room = min(widestBar, width - text.count - 3)
    guard let bar, room >= narrowestBar else { return String(text.prefix(width)) }
    let filled = Int(bar * Double(room))
    let head = filled < room ? ">" : ""
    let drawn = String(repeating: "=", count: filled) + head
    return "[\(Format.padRight(drawn, room))] " + text
  }

  private struct Part {
    let text: String
    /// 0 is kept longest.
    let rank: Int
  }

  private static func length(_ parts: [Part]) -> Int {
    parts.reduce(0) { $0 + $1.text.count } + 3 * (parts.count - 1)
  }

  private static func share(_ done: Int, of total: Int) -> Double {
    total == 0 ? 1 : max(0, min(1, Double(done) / Double(total)))
  }

  private static func parts(_ state: State) -> [Part] {
    let figures = state.figures
    var parts: [Part] = []
    func add(_ rank: Int, _ text: String) { parts.append(Part(text: text, rank: rank)) }
    let done = Format.count(figures.done)
    if let total = state.total {
      add(0, "\(done)/\(Format.count(total)) \(Format.percent(figures.done, of: total))")
    } else {
      add(0, "\(done) done")
    }
    let rate = state.overallRate
    if let recent = state.recentRate {
      add(1, "\(Format.count(Int(recent.rounded())))/h")
      add(7, "run \(Format.count(Int(rate.rounded())))/h")
    } else {
      add(1, "\(Format.count(Int(rate.rounded())))/h")
    }
    if let left = state.secondsLeft { add(2, "\(Format.duration(seconds: left)) left") }
    let judged = figures.completed + figures.failed
    if judged > 0 { add(3, "\(Format.percent(figures.completed, of: judged)) ok") }
    if figures.waiting > 0 { add(4, "\(Format.count(figures.waiting)) waiting") }
    if figures.mismatches > 0 { add(5, "\(Format.count(figures.mismatches)) mismatches") }
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
