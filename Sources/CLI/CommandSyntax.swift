import Common

/// The options of a command and of its subcommands, as its own description lists them.
struct CommandSyntax: Sendable, Equatable {
  struct Option: Sendable, Equatable {
    /// Its main name, without hyphens.
    let name: String
    /// All of its names as they are written: `--workers`, `-w`.
    let spellings: [String]
    let isFlag: Bool
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
      guard let kind = argument["kind"]?.string, kind != "positional" else {
        takesArguments = true
        continue
      }
      guard let name = argument["preferredName"]?["name"]?.string else { continue }
      let spellings = (argument["names"]?.array ?? []).compactMap { name in
        name["name"]?.string.map { (name["kind"]?.string == "short" ? "-" : "--") + $0 }
      }
      options.append(Option(name: name, spellings: spellings, isFlag: kind == "flag"))
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
