import Common

/// A command line with its subcommand told apart, and old options in today's form. Pure.
struct Invocation: Sendable, Equatable {
  /// `nil` where the tool does what it is there for.
  private(set) var subcommand: String?
  /// What follows the tool or the subcommand.
  private(set) var arguments: [String] = []

  /// What was asked for, by today's names, in this order.
  private var modes: [String] = []
  /// Values of old options, which are arguments without a name now.
  private var values: [String] = []

  /// Reads the arguments of `tool`. `old` are its old options, without hyphens; `environment` are its
  /// variables, `syntax` is what it knows today. Throws with exit code 64 where two modes are asked for.
  init(
    _ arguments: [String], of tool: String, old: [String: OldOption],
    environment: [String: String] = [:], syntax: CommandSyntax
  ) throws(Fatal) {
    guard arguments.first != "help" else {
      subcommand = arguments.dropFirst().first { syntax.subcommands[$0] != nil }
      self.arguments = ["--help"]
      return
    }
    let rest = takeSubcommand(from: arguments, old, syntax)
    let isToday = !modes.isEmpty
    // What a subcommand has as an option of its own is that: `explain --probe`.
    let named = modes.first.flatMap { syntax.subcommands[$0] }
    readOldOptions(in: rest, old.filter { named?.option("--\($0.key)") == nil })
    if modes.isEmpty { readOldVariables(of: tool, environment, old) }
    if let first = modes.first, let other = modes.first(where: { $0 != first }) {
      throw Fatal(.usage, "\(first) and \(other) cannot be combined. Ask for one of them.")
    }
    subcommand = modes.first.flatMap { syntax.subcommands[$0] == nil ? nil : $0 }
    if let subcommand, !isToday { leaveOut(whatIsNotOf: subcommand, syntax) }
    if !values.isEmpty {
      self.arguments += (self.arguments.contains("--") ? [] : ["--"]) + values
    }
  }

  /// The subcommand comes first; behind options it is found where the tool takes no other words.
  private mutating func takeSubcommand(
    from arguments: [String], _ old: [String: OldOption], _ syntax: CommandSyntax
  ) -> [String] {
    var index = arguments.startIndex
    while index < arguments.endIndex, arguments[index] != "--" {
      let argument = arguments[index]
      if syntax.subcommands[argument] != nil {
        modes.append(argument)
        return Array(arguments[..<index] + arguments[(index + 1)...])
      }
      if syntax.takesArguments { break }
      index += Self.takesNext(argument, old, syntax) ? 2 : 1
    }
    return arguments
  }

  /// Whether the argument that follows is the value of this one.
  private static func takesNext(
    _ argument: String, _ old: [String: OldOption], _ syntax: CommandSyntax
  ) -> Bool {
    guard argument.hasPrefix("-"), !argument.contains("=") else { return false }
    switch old[String(argument.drop { $0 == "-" })] {
    case .option, .renamed: return true
    case .flag, .ofToolAlone: return false
    case nil:
      let commands = [syntax] + syntax.subcommands.values
      return commands.lazy.compactMap { $0.option(argument) }.first.map { !$0.isFlag } ?? false
    }
  }

  private mutating func readOldOptions(in words: [String], _ old: [String: OldOption]) {
    var index = words.startIndex
    while index < words.endIndex {
      let word = words[index]
      index += 1
      guard word != "--" else {
        arguments += words[(index - 1)...]
        return
      }
      let parts = word.dropFirst(2).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count == 2 ? String(parts[1]) : nil
      switch word.hasPrefix("--") ? old[String(parts.first ?? "")] : nil {
      case .flag(let subcommand, let argument) where value == nil:
        modes.append(subcommand)
        values += argument.map { [$0] } ?? []
      case .option(let subcommand):
        modes.append(subcommand)
        if let value {
          values.append(value)
        } else if index < words.endIndex {
          values.append(words[index])
          index += 1
        }
      case .renamed(let name): arguments.append("--\(name)" + (value.map { "=\($0)" } ?? ""))
      case .ofToolAlone:
        modes.append(String(parts[0]))
        arguments.append(word)
      // All of help has a plainer name than ArgumentParser gives it.
      default: arguments.append(word == "--help-all" ? "--help-hidden" : word)
      }
    }
  }

  /// A variable could be an old option, too.
  private mutating func readOldVariables(
    of tool: String, _ environment: [String: String], _ old: [String: OldOption]
  ) {
    for (name, option) in old.sorted(by: { $0.key < $1.key }) {
      let names = [
        EnvironmentDefaults.variable(name, of: tool), EnvironmentDefaults.variable(name),
      ]
      guard let value = names.lazy.compactMap({ environment[$0] }).first, !value.isEmpty else {
        continue
      }
      switch option {
      case .flag(let subcommand, let argument) where EnvironmentDefaults.isOn(value):
        modes.append(subcommand)
        values += argument.map { [$0] } ?? []
      case .option(let subcommand):
        modes.append(subcommand)
        values.append(value)
      default: break
      }
    }
  }

  /// The old form took all options of the tool, and did not use those that had no meaning with it: neither does
  /// this.
  private mutating func leaveOut(whatIsNotOf subcommand: String, _ syntax: CommandSyntax) {
    var kept: [String] = []
    var index = arguments.startIndex
    while index < arguments.endIndex, arguments[index] != "--" {
      let argument = arguments[index]
      index += 1
      let isKnown = syntax.subcommands[subcommand]?.option(argument) != nil
      if !isKnown, let option = syntax.option(argument) {
        if !option.isFlag, !argument.contains("="), index < arguments.endIndex { index += 1 }
      } else {
        kept.append(argument)
      }
    }
    arguments = kept + arguments[index...]
  }
}

/// What became of an option of earlier versions: most were modes, and are subcommands now. They go on
/// working, in any order with other options.
package enum OldOption: Sendable, Equatable {
  /// A flag that is a subcommand now, or this argument of one: `--report`, `--limiter-status`.
  case flag(subcommand: String, argument: String? = nil)
  /// An option that is a subcommand now, its value the subcommand's argument: `--import FILE`.
  case option(subcommand: String)
  /// Still an option, of the tool alone: it goes with no subcommand. `--settle`.
  case ofToolAlone
  /// An option that has another name now, given without hyphens.
  case renamed(String)
}

/// The options of a command and of its subcommands, as its own description lists them.
package struct CommandSyntax: Sendable, Equatable {
  /// An option, as `--experimental-dump-help` describes it.
  package struct Option: Sendable, Equatable {
    /// Its main name, without hyphens.
    package let name: String
    /// All of its names as they are written: `--workers`, `-w`.
    package let spellings: [String]
    package let isFlag: Bool
    /// All that is said of it.
    package let description: JSON

    /// `nil` for an argument without a name.
    package init?(_ description: JSON) {
      guard let kind = description["kind"]?.string, kind != "positional",
        let name = description["preferredName"]?["name"]?.string
      else { return nil }
      self.name = name
      spellings = (description["names"]?.array ?? []).compactMap { name in
        name["name"]?.string.map { (name["kind"]?.string == "short" ? "-" : "--") + $0 }
      }
      isFlag = kind == "flag"
      self.description = description
    }
  }

  private(set) var options: [Option] = []
  /// Whether it takes arguments without a name.
  private(set) var takesArguments = false
  private(set) var subcommands: [String: CommandSyntax] = [:]

  /// Reads what `--experimental-dump-help` prints; without options where it cannot be read.
  init(help: String) {
    self.init((try? JSON(parsing: help))?["command"])
  }

  private init(_ command: JSON?) {
    for argument in command?["arguments"]?.array ?? [] {
      if let option = Option(argument) {
        options.append(option)
      } else if argument["kind"]?.string ?? "positional" == "positional" {
        takesArguments = true
      }
    }
    for subcommand in command?["subcommands"]?.array ?? [] {
      guard let name = subcommand["commandName"]?.string, name != "help" else { continue }
      subcommands[name] = CommandSyntax(subcommand)
    }
  }

  /// The option that an argument names, be it alone or with its value.
  func option(_ argument: String) -> Option? {
    let spelling = argument.hasPrefix("--") ? argument.prefix { $0 != "=" } : argument[...]
    return options.first { $0.spellings.contains(String(spelling)) }
  }
}
