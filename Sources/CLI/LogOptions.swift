import ArgumentParser
import Common
import Glibc
import Logging

/// Where a tool's log goes and how much of it: the same options in every tool.
public struct LogOptions: ParsableArguments {
  @Option(help: "Append log lines to this file as well (level info).")
  var logFile: String?

  @Option(help: "Lowest level for stderr: debug, info, notice, warning, error or critical.")
  var logLevel: Logger.Level = .warning

  @Option(help: "Log lines as text or json.")
  var logFormat: LineLog.Layout = .text

  @Flag(name: .shortAndLong, help: "Log what is done, document by document (level info).")
  var verbose = false

  /// Whether only errors that end the run are told.
  @Flag(name: .shortAndLong, help: "Log only errors that end the run.")
  public var quiet = false

  /// Options as the command line gave them.
  public init() {}

  /// The logger of `tool`. Throws where the log file cannot be opened.
  func logger(tool: String) throws(Fatal) -> Logger {
    let level = verbose ? min(.info, logLevel) : quiet ? .critical : logLevel
    var targets = [LineLog.Target(descriptor: STDERR_FILENO, level: level)]
    if let logFile {
      let descriptor = open(logFile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else {
        throw Fatal(
          .inputOutput, "cannot open the log file \(logFile): \(String(cString: strerror(errno)))")
      }
      targets.append(.init(descriptor: descriptor, level: min(.info, level)))
    }
    let handler = LineLog(tool: tool, targets: targets, layout: logFormat)
    return Logger(label: tool) { _ in handler }
  }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension LineLog.Layout: ExpressibleByArgument {}
