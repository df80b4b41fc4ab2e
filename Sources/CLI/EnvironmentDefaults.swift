import Common

/// Gives every option its environment variables, read where the command line is silent:
/// `--rate-limit-delay` of `fetch` is `CONVEYOR_FETCH_RATE_LIMIT_DELAY`, else
/// `CONVEYOR_RATE_LIMIT_DELAY`.
///
/// The options are those that the command's own description lists, so that a new option has its
/// variables without another line of code. A subcommand reads the variables of its own options. The
/// form without the name of a tool is read only where it means the same in every tool: a variable that
/// several tools understand differently would set what was not meant.
package struct EnvironmentDefaults {
  /// Options of several tools that mean the same in all of them.
  static let shared: Set<String> = [
    "db-pool", "dry-run", "index", "json", "limiter", "log-file", "log-format", "log-level",
    "no-records", "outage-limit", "portal", "portal-base", "portals-dir", "progress", "quiet",
    "rate-limit-delay", "root", "spool", "stage", "stages-dir", "state", "to", "verbose",
  ]
  /// Options of several tools that each tool has for itself: only `CONVEYOR_TOOL_OPTION` is read.
  static let perTool: Set<String> = [
    "key", "listen", "patience", "retries", "retry-base", "timeout", "why", "workers",
  ]

  /// The arguments, preceded by what the environment sets.
  private(set) var arguments: [String] = []
  /// What is to be said about variables that are set and not read.
  private(set) var warnings: [String] = []

  private let tool: String
  private let environment: [String: String]
  private let old: [String: OldOption]

  /// The arguments of `tool`, or of its subcommand whose `options` these are, with the defaults that
  /// `environment` has. An option that was renamed is set by its old variables too.
  init(
    of tool: String, _ arguments: [String], environment: [String: String],
    options: [CommandSyntax.Option], old: [String: OldOption] = [:]
  ) {
    self.tool = tool
    self.environment = environment.filter { $0.key.hasPrefix("CONVEYOR_") && !$0.value.isEmpty }
    self.old = old
    let given = Set(
      arguments.prefix { $0 != "--" }.map { String($0.split(separator: "=").first ?? "") })
    for option in options where !["help", "version"].contains(option.name) {
      guard given.isDisjoint(with: option.spellings) else { continue }
      let names = names(of: option)
      guard let value = names.lazy.compactMap(value(of:)).first else {
        warnings += names.compactMap { unread($0, option) }
        continue
      }
      if !option.isFlag {
        self.arguments += ["--\(option.name)", value]
      } else if Self.isOn(value) {
        self.arguments += ["--\(option.name)"]
      }
    }
    self.arguments += arguments
  }

  /// The variable of an option: of one tool, or of all that have it.
  package static func variable(_ option: String, of tool: String? = nil) -> String {
    let words = ["conveyor", tool, option].compactMap(\.self).joined(separator: "-")
    return words.uppercased().replacing("-", with: "_")
  }

  /// Whether a variable with this value sets a flag.
  static func isOn(_ value: String) -> Bool { ["1", "true", "yes"].contains(value.lowercased()) }

  private func names(of option: CommandSyntax.Option) -> [String] {
    let long = option.spellings.filter { $0.hasPrefix("--") }.map { String($0.dropFirst(2)) }
    return long + old.filter { $0.value == .renamed(option.name) }.keys.sorted()
  }

  private func value(of name: String) -> String? {
    environment[Self.variable(name, of: tool)]
      ?? (Self.perTool.contains(name) ? nil : environment[Self.variable(name)])
  }

  private func unread(_ name: String, _ option: CommandSyntax.Option) -> String? {
    guard Self.perTool.contains(name), environment[Self.variable(name)] != nil else { return nil }
    return """
      \(Self.variable(name)) is not read: --\(name) means something else in another tool. Set \
      \(Self.variable(option.name, of: tool)).
      """
  }
}
