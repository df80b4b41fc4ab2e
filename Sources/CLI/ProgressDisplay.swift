import ArgumentParser
import Common
import Glibc
import Synchronization

/// Shows a progress line on stderr while the work goes on: redrawn in place on a terminal, a plain line
/// now and then elsewhere. Colours are never used, which is what `NO_COLOR` asks for.
package struct ProgressDisplay: Sendable {
  package enum Style: Sendable, Equatable {
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

  private let tool: String
  private let style: Style

  /// A display for the progress of `tool`.
  package init(tool: String, style: Style) {
    self.tool = tool
    self.style = style
  }

  /// Shows until `done` happens. `line` gives what is to be seen at that moment, in at most so
  /// many characters where a width is given.
  package func run(until done: Latch, line: (_ width: Int?) -> String) {
    guard style != .silent else { return }
    while done.sleep(seconds: style.interval) {
      switch style {
      case .silent: break
      case .plain: put("\(tool): \(line(nil))\n")
      case .redrawn:
        // The cursor goes back to the left, so that a log line of another tool begins there. One
        // column stays free, because some terminals wrap when the last one is written.
        put("\r" + line(Self.terminalWidth() - 1) + Self.clearToEnd + "\r")
      }
    }
    // What stands there is replaced by what comes after the work.
    if style == .redrawn { put("\r" + Self.clearToEnd) }
  }

  /// Does `work`, and beside it, each in a thread of its own, what shows how it goes on (one of these
  /// is to call ``run(until:line:)``) until `done` happens.
  package static func beside(
    _ shows: [@Sendable (_ done: Latch) -> Void], _ work: @Sendable () -> ToolExit
  ) -> ToolExit {
    let done = Latch()
    let ending = Mutex(ToolExit.other)
    withThreads(1 + shows.count) { number in
      guard number == 1 else { return shows[number - 2](done) }
      let code = work()
      ending.withLock { $0 = code }
      done.happen()
    }
    return ending.withLock { $0 }
  }

  private func put(_ text: String) { Console.write(text) }

  private static func terminalWidth() -> Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return max(2, min(500, Int(size.ws_col)))
  }
}

package enum ProgressMode: String, Sendable, ExpressibleByArgument, CaseIterable {
  /// Redrawn on a terminal, a plain line now and then elsewhere.
  case auto
  /// Redrawn, whatever stderr is.
  case always
  case never

  package var style: ProgressDisplay.Style {
    switch self {
    case .auto: Self.isTerminal ? .redrawn : .plain
    case .always: .redrawn
    case .never: .silent
    }
  }

  /// A terminal that says that it is dumb cannot redraw a line.
  private static var isTerminal: Bool {
    isatty(STDERR_FILENO) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb"
  }
}

/// The parts of a progress line, which are left out one by one where there is no room. Pure: the same
/// parts and width give the same line.
package struct ProgressParts: Sendable {
  private static let narrowestBar = 10
  private static let widestBar = 40

  private var parts: [(rank: Int, text: String)] = []

  package init() {}

  /// Adds a part on the right; rank 0 is kept longest.
  package mutating func add(_ rank: Int, _ text: String) { parts.append((rank, text)) }

  /// The line, at most `width` characters long: what matters least goes first. Without a width (not
  /// a terminal) all of it, and no bar.
  ///
  /// - Parameter share: how much is done, from 0 to 1, where it is known: drawn as a bar.
  package func line(width: Int?, share: Double? = nil) -> String {
    guard let width else { return text }
    var kept = self
    let reserved = share == nil ? 0 : Self.narrowestBar + 3
    while kept.parts.count > 1, Format.width(kept.text) + reserved > width,
      let least = kept.parts.indices.max(by: { kept.parts[$0].rank < kept.parts[$1].rank })
    {
      kept.parts.remove(at: least)
    }
    let text = kept.text
    let room = min(Self.widestBar, width - Format.width(text) - 3)
    guard let share, room >= Self.narrowestBar else { return Format.fitted(text, width) }
    let filled = Int(max(0, min(1, share)) * Double(room))
    let drawn = String(repeating: "=", count: filled) + (filled < room ? ">" : "")
    return "[\(Format.padRight(drawn, room))] " + text
  }

  private var text: String { parts.map(\.text).joined(separator: " · ") }
}

/// How much per hour (documents, bytes) was done in the last minute. Pure: time is given.
package struct RateWindow: Sendable {
  /// Length of the window, in seconds.
  static let length = 60.0
  /// Before so many seconds a rate would only be noise.
  static let shortest = 5.0

  private var samples: [(time: Double, count: Int)] = [(0, 0)]

  /// A window that begins at time 0 with nothing done.
  package init() {}

  /// Takes a count at a time in seconds, later than those before. Samples less than a second apart
  /// are dropped.
  package mutating func add(_ count: Int, at time: Double) {
    if let last = samples.last, time - last.time < 1 { return }
    samples.append((time, count))
    forget(before: time)
  }

  /// The rate per hour until now; `nil` as long as it would be noise.
  package mutating func rate(_ count: Int, at time: Double) -> Double? {
    forget(before: time)
    guard let first = samples.first, time - first.time >= Self.shortest else { return nil }
    return Double(count - first.count) / (time - first.time) * 3600
  }

  /// One sample as old as the window stays, so that the window is a whole one.
  private mutating func forget(before time: Double) {
    while samples.count > 1, samples[1].time <= time - Self.length { samples.removeFirst() }
  }
}
