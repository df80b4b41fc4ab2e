import ArgumentParser
import Common
import Glibc
import Logging

/// A program of ours: a command that becomes an exit code. `main` is the only place that ends the
/// process.
package protocol Tool: ParsableCommand {
  /// The options that every tool has.
  var log: LogOptions { get }

  /// Does the work. Throws ``Fatal`` where it cannot be done.
  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit
}

extension Tool {
  /// Parses the command line (with defaults from the environment), runs, and exits.
  package static func main() {
    StandardDescriptors.hold()
    do {
      try AddressSpace.watch(tool: _commandName)
      let environment = KnownSecrets.environment()
      let defaults = EnvironmentDefaults(
        of: _commandName, Array(CommandLine.arguments.dropFirst()), environment: environment,
        help: Self._dumpHelp)
      try prepare(defaults.arguments, environment)
      for warning in defaults.warnings { Console.write("\(_commandName): \(warning)\n") }
      var command = try Self.parseAsRoot(defaults.arguments)
      guard let tool = command as? Self else {
        try command.run()
        Glibc.exit(0)
      }
      Glibc.exit(tool.exitCode().rawValue)
    } catch {
      end(with: error)
    }
  }

  private func exitCode() -> ToolExit {
    let name = Self._commandName
    do {
      let stop = ShutdownSignal.onSignals()
      return try perform(stop: stop, logger: try log.logger(tool: name))
    } catch {
      let fatal = Fatal(describing: error)
      Console.write("\(name): \(Format.printable(fatal.message))\n")
      log.note(fatal, tool: name)
      return fatal.code
    }
  }
}

extension ParsableCommand {
  /// What comes before the command line is read: what is secret in it is known from then on, and no
  /// path is an address. Throws with exit code 64.
  package static func prepare(_ arguments: [String], _ environment: [String: String]) throws {
    KnownSecrets.learn(arguments: arguments, environment: environment)
    try LocalPaths.check(arguments)
  }

  /// Ends the process with what was wrong with the command line, or with the help that was asked
  /// for. Values are quoted in it, so that it goes where secrets are hidden.
  package static func end(with error: any Error) -> Never {
    if let fatal = error as? Fatal {
      Console.write("\(_commandName): \(Format.printable(fatal.message))\n")
      Glibc.exit(fatal.code.rawValue)
    }
    let code = exitCode(for: error)
    let text = fullMessage(for: error)
    if code.isSuccess {
      print(text)
    } else if !text.isEmpty {
      Console.write(text + "\n")
    }
    Glibc.exit(code.rawValue)
  }
}
