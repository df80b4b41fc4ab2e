import Common

/// Gives every option its environment variables, read where the command line is silent:
/// `--rate-limit-delay` of `fetch` is `CONVEYOR_FETCH_RATE_LIMIT_DELAY`, else
/// `CONVEYOR_RATE_LIMIT_DELAY`.
///
/// The options are those that the command's own description lists, so that a new option has its
/// variables without another line of code. The form without the name of a tool is read only where
/// it means the same in every tool: a variable that several tools understand differently would set
/// what nobody meant.
struct EnvironmentDefaults {
  /// Options of several tools that mean the same in all of them.
  static let shared: Set<String> = [
    "db-pool", "dry-run", "index", "json", "log-file", "log-format", "log-level", "outage-limit",
    "portal", "portal-base", "portals-dir", "progress", "quiet", "rate-limit-delay", "root",
    "spool",
    "stage", "stages-dir", "state", "to", "verbose",
  ]
  /// Options of several tools that each tool has for itself: only `CONVEYOR_TOOL_OPTION` is read.
  static let perTool: Set<String> = ["key", "retries", "retry-base", "timeout", "workers"]

  /// The arguments, preceded by what the environment sets.
  let arguments: [String]
  /// What is to be said about variables that are set and not read.
  private(set) var warnings: [String] = []

  /// The arguments of `tool` with the defaults that `environment` has. `help` is the description of
  /// the command in JSON; it is asked for only when a variable of ours is there.
  init(
    of tool: String, _ arguments: [String], environment: [String: String], help: () -> String
  ) {
    let environment = environment.filter { $0.key.hasPrefix("CONVEYOR_") && !$0.value.isEmpty }
    guard !environment.isEmpty, let description = try? JSON(parsing: help()) else {
      self.arguments = arguments
      return
    }
    let given = Set(
      arguments.prefix { $0 != "--" }.map { String($0.split(separator: "=").first ?? "") })
    var defaults: [String] = []
    for option in description["command"]?["arguments"]?.array ?? [] {
      guard let name = option["preferredName"]?["name"]?.string,
        option["preferredName"]?["kind"]?.string == "long", name != "help", name != "version",
        given.isDisjoint(with: Self.spellings(of: option))
      else { continue }
      guard let value = Self.value(of: option, name, tool, environment) else {
        warnings += Self.unread(option, tool, environment)
        continue
      }
      switch option["kind"]?.string {
      case "option": defaults += ["--\(name)", value]
      case "flag":
        if ["1", "true", "yes"].contains(value.lowercased()) { defaults += ["--\(name)"] }
      default: break
      }
    }
    self.arguments = defaults + arguments
  }

  /// The variable of an option: of one tool, or of all that have it.
  static func variable(_ option: String, of tool: String? = nil) -> String {
    let words = ["conveyor", tool, option].compactMap(\.self).joined(separator: "-")
    return words.uppercased().replacing("-", with: "_")
  }

  private static func value(
    of option: JSON, _ name: String, _ tool: String, _ environment: [String: String]
  ) -> String? {
    for name in longNames(of: option) {
      if let value = environment[variable(name, of: tool)] { return value }
    }
    return perTool.contains(name) ? nil : environment[variable(name)]
  }

  private static func unread(
    _ option: JSON, _ tool: String, _ environment: [String: String]
  ) -> [String] {
    longNames(of: option).filter { perTool.contains($0) && environment[variable($0)] != nil }.map {
      """
      \(variable($0)) is not read: --\($0) means something else in another tool. Set \
      \(variable($0, of: tool)).
      """
    }
  }

  private static func longNames(of option: JSON) -> [String] {
    (option["names"]?.array ?? []).compactMap { name in
      name["kind"]?.string == "long" ? name["name"]?.string : nil
    }
  }

  private static func spellings(of option: JSON) -> [String] {
    (option["names"]?.array ?? []).compactMap { name in
      name["name"]?.string.map { (name["kind"]?.string == "short" ? "-" : "--") + $0 }
    }
  }
}
