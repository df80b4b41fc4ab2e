import ArgumentParser
import Common
import Glibc
import Logging

/// A program of ours, or one of its subcommands: a command that becomes an exit code. `main` is the
/// only place that ends the process.
package protocol Tool: ParsableCommand {
  /// Options of earlier versions that are still understood, without hyphens.
  static var oldOptions: [String: OldOption] { get }

  /// The options that every tool has.
  var log: LogOptions { get }

  /// Does the work. Throws ``Fatal`` where it cannot be done.
  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit
}

/// The subcommands of a tool, and none of its own options: ArgumentParser would take those for the
/// tool's that a subcommand has too.
private struct Subcommands<T: Tool>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: T._commandName, subcommands: T.configuration.subcommands)
  }
}

extension Tool {
  package static var oldOptions: [String: OldOption] { [:] }

  /// Parses the command line (with defaults from the environment), runs, and exits.
  package static func main() {
    StandardDescriptors.hold()
    var root: any ParsableCommand.Type = Self.self
    do {
      try AddressSpace.watch(tool: _commandName)
      let environment = KnownSecrets.environment()
      let words = Array(CommandLine.arguments.dropFirst())
      let help = _dumpHelp()
      if words == ["--experimental-dump-help"] {
        try Console.answer(help + "\n")
        Glibc.exit(0)
      }
      if words == ["--version"] {
        try Console.answer(Version.text(of: _commandName))
        Glibc.exit(0)
      }
      let syntax = CommandSyntax(help: help)
      let invocation = try Invocation(
        words, of: _commandName, old: oldOptions, environment: environment, syntax: syntax)
      let command = invocation.subcommand.flatMap { syntax.subcommands[$0] } ?? syntax
      let defaults = EnvironmentDefaults(
        of: _commandName, invocation.arguments, environment: environment,
        options: command.options, old: oldOptions)
      var arguments = defaults.arguments
      if let subcommand = invocation.subcommand {
        root = Subcommands<Self>.self
        arguments.insert(subcommand, at: 0)
      }
      try prepare(arguments, environment)
      for warning in defaults.warnings {
        Console.write("\(_commandName): \(warning)\n")
      }
      var parsed = try root.parseAsRoot(arguments)
      guard let tool = parsed as? any Tool else {
        try parsed.run()
        Glibc.exit(0)
      }
      Glibc.exit(tool.exitCode(of: _commandName).rawValue)
    } catch {
      root.end(with: error)
    }
  }

  fileprivate func exitCode(of name: String) -> ToolExit {
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
    let text = RefusedValue.explained(fullMessage(for: error))
    if code.isSuccess {
      print(text)
    } else if !text.isEmpty {
      Console.write(text + "\n")
    }
    Glibc.exit(code.rawValue)
  }
}

extension ShutdownSignal {
  /// Writes the lines of an answer to stdout, and is how the tool ends. Throws ``Fatal`` where they cannot be
  /// written; a reader that is gone is no failure.
  package func print(_ lines: [String]) throws(Fatal) -> ToolExit {
    LineWriter(descriptor: STDOUT_FILENO, stop: self).write(lines.map { Array($0.utf8) })
    return try exitCode()
  }

  /// How a run ends that was stopped, or not.
  package func exitCode() throws(Fatal) -> ToolExit {
    switch reason {
    case .failed(let fatal): throw fatal
    case .interrupted: .interrupted
    case .downstreamClosed, nil: .success
    }
  }
}
