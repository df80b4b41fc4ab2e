import ArgumentParser
import Common
import Glibc
import Logging

/// A program of ours: a command that becomes an exit code. `main` is the only place that ends the
/// process.
public protocol Tool: ParsableCommand {
  /// The options that every tool has.
  var log: LogOptions { get }

  /// Does the work. Throws ``Fatal`` where it cannot be done.
  func perform(stop: Stop, logger: Logger) throws -> Common.ExitCode
}

extension Tool {
  /// Parses the command line (with defaults from the environment), runs, and exits.
  public static func main() {
    StandardDescriptors.hold()
    do {
      let arguments = EnvironmentDefaults.applied(
        to: Array(CommandLine.arguments.dropFirst()), help: Self._dumpHelp)
      var command = try Self.parseAsRoot(arguments)
      guard let tool = command as? Self else {
        try command.run()
        Glibc.exit(0)
      }
      Glibc.exit(tool.exitCode().rawValue)
    } catch {
      Self.exit(withError: error)
    }
  }

  private func exitCode() -> Common.ExitCode {
    let name = Self._commandName
    do {
      let stop = Stop.onSignals()
      return try perform(stop: stop, logger: try log.logger(tool: name))
    } catch {
      let fatal = Fatal(describing: error)
      _ = writeAll(
        Array("\(name): \(Format.printable(fatal.message))\n".utf8), to: STDERR_FILENO)
      log.note(fatal, tool: name)
      return fatal.code
    }
  }
}
