import Common
import Glibc
import Synchronization

/// Shows a progress line on stderr while the work goes on: redrawn in place on a terminal, a plain line
/// now and then elsewhere. Colours are never used, which is what `NO_COLOR` asks for.
public struct ProgressDisplay: Sendable {
  /// How often, and how.
  public enum Manner: Sendable, Equatable {
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
  private let manner: Manner

  /// A display for the progress of `tool`.
  public init(tool: String, manner: Manner) {
    self.tool = tool
    self.manner = manner
  }

  /// Shows until `done` is requested. `line` gives what is to be seen at that moment, in at most so
  /// many characters where a width is given.
  public func run(until done: Stop, line: (_ width: Int?) -> String) {
    guard manner != .silent else { return }
    while done.sleep(seconds: manner.interval) {
      switch manner {
      case .silent: break
      case .plain: put("\(tool): \(line(nil))\n")
      case .redrawn:
        // The cursor goes back to the left, so that a log line of another tool begins there. One
        // column stays free, because some terminals wrap when the last one is written.
        put("\r" + line(Self.terminalWidth() - 1) + Self.clearToEnd + "\r")
      }
    }
    // What stands there is replaced by what comes after the work.
    if manner == .redrawn { put("\r" + Self.clearToEnd) }
  }

  /// Does `work`, and beside it, each in a thread of its own, what shows how it goes on (one of these
  /// is to call ``run(until:line:)``) until `done` is requested.
  public static func beside(
    _ shows: [@Sendable (_ done: Stop) -> Void], _ work: @Sendable () -> ExitCode
  ) -> ExitCode {
    let done = Stop()
    let ending = Mutex(ExitCode.other)
    withThreads(1 + shows.count) { number in
      guard number == 1 else { return shows[number - 2](done) }
      let code = work()
      ending.withLock { $0 = code }
      done.request(.interrupted)
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
