import ArgumentParser
import Common
import Glibc
import Logging

/// Where a tool's log goes and how much of it: the same options in every tool.
package struct LogOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Append log lines to this file (level info).", valueName: "file"))
  var logFile: String?

  @Option(help: .rare("Log from this level on, on stderr.", valueName: "level"))
  var logLevel: Logger.Level = .warning

  @Option(help: .rare("Log in this format.", valueName: "format"))
  var logFormat: LineLog.Layout = .text

  @Flag(name: .shortAndLong, help: "Log each document (level info).")
  var verbose = false

  /// Whether only errors that end the run are logged.
  @Flag(name: .shortAndLong, help: "Log only errors that end the run.")
  package var quiet = false

  /// Options as the command line gave them.
  package init() {}

  /// The logger of `tool`. Throws where the log file cannot be opened.
  func logger(tool: String) throws(Fatal) -> Logger {
    let level = verbose ? min(.info, logLevel) : quiet ? .critical : logLevel
    var targets = [LineLog.Target(descriptor: STDERR_FILENO, level: level)]
    if let logFile {
      targets.append(.init(file: try LogFile(path: logFile), level: min(.info, level)))
    }
    return logger(tool: tool, targets)
  }

  /// Notes in the log file, if there is one that can be written, what ended the run: on stderr it is said
  /// without this, and not everybody keeps that.
  func note(_ fatal: Fatal, tool: String) {
    guard let logFile, let file = try? LogFile(path: logFile) else { return }
    logger(tool: tool, [.init(file: file, level: .critical)]).critical("\(fatal.message)")
  }

  private func logger(tool: String, _ targets: [LineLog.Target]) -> Logger {
    let handler = LineLog(tool: tool, run: Self.run, targets: targets, layout: logFormat)
    return Logger(label: tool) { _ in handler }
  }

  /// The name of the run: the driver's, so that all tools of a pipeline have the same, or else made of the
  /// time and this process.
  private static let run: String = {
    if let name = getenv("CONVEYOR_RUN_ID").map({ String(cString: $0) }), !name.isEmpty {
      return name
    }
    let time = Time.timestamp().prefix { $0 != "." }.filter { $0 != "-" && $0 != ":" }
    return "\(time)-\(getpid())"
  }()
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension LineLog.Layout: ExpressibleByArgument {}
