import Common
import Glibc

/// Gives every option an environment variable: `--rate-limit-delay` reads
/// `CONVEYOR_RATE_LIMIT_DELAY` where the command line is silent.
///
/// The options are those that the command's own description lists, so that a new option has its
/// variable without another line of code.
enum EnvironmentDefaults {
  /// The arguments, preceded by what the environment sets. `help` is the description of the command
  /// in JSON; it is asked for only when a variable of ours is there.
  static func applied(
    to arguments: [String], environment: [String: String] = variables(), help: () -> String
  ) -> [String] {
    guard !environment.isEmpty, let description = try? JSON(parsing: help()) else {
      return arguments
    }
    let given = Set(
      arguments.prefix { $0 != "--" }.map { String($0.split(separator: "=").first ?? "") })
    var defaults: [String] = []
    for option in description["command"]?["arguments"]?.array ?? [] {
      guard let name = option["preferredName"]?["name"]?.string,
        option["preferredName"]?["kind"]?.string == "long", name != "help", name != "version",
        let value = environment[variable(name)],
        given.isDisjoint(with: spellings(of: option))
      else { continue }
      switch option["kind"]?.string {
      case "option": defaults += ["--\(name)", value]
      case "flag":
        if ["1", "true", "yes"].contains(value.lowercased()) { defaults += ["--\(name)"] }
      default: break
      }
    }
    return defaults + arguments
  }

  static func variable(_ option: String) -> String {
    "CONVEYOR_" + option.uppercased().replacing("-", with: "_")
  }

  private static func spellings(of option: JSON) -> [String] {
    (option["names"]?.array ?? []).compactMap { name in
      name["name"]?.string.map { (name["kind"]?.string == "short" ? "-" : "--") + $0 }
    }
  }

  /// The variables that begin with `CONVEYOR_`, without empty ones.
  private static func variables() -> [String: String] {
    var found: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      defer { entry += 1 }
      guard strncmp(text, "CONVEYOR_", 9) == 0 else { continue }
      let parts = String(cString: text).split(separator: "=", maxSplits: 1)
      if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
    }
    return found
  }
}
