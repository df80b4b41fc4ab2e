import Common
import Glibc

/// Shows something again and again until Ctrl+C: in place on a terminal, one after the other
/// elsewhere.
struct Watch: Sendable {
  /// Between two looks.
  let seconds: Double
  let stop: Stop

  func run(_ text: () throws -> String) throws -> ExitCode {
    let isTerminal = isatty(STDOUT_FILENO) == 1
    if isTerminal { try Output.write("\u{1B}[2J") }
    repeat {
      let text = try text()
      guard try Output.write(isTerminal ? Self.inPlace(text) : text) else { return .success }
    } while stop.sleep(seconds: seconds)
    return .interrupted
  }

  /// From the upper left corner on; what was longer before is cleared.
  static func inPlace(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return "\u{1B}[H" + lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[J"
  }
}
