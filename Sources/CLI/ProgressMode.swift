import ArgumentParser
import Glibc

/// Whether progress is shown.
public enum ProgressMode: String, Sendable, ExpressibleByArgument, CaseIterable {
  /// Redrawn on a terminal, a plain line now and then elsewhere.
  case auto
  /// Redrawn, whatever stderr is.
  case always
  case never

  /// What that means here.
  public var manner: ProgressDisplay.Manner {
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
