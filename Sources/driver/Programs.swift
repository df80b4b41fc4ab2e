import CLI
import Common
import Glibc
import Subprocesses

/// Where the tools and the plugins are, and how the driver runs one.
struct Programs: Sendable {
  /// Everything that `conveyor NAME` runs besides plugins.
  static let tools = OptionTable.tools + ["queue", "dashboard", "notify", "portal"]

  /// Subcommands that are commands of `conveyor`, and the tools that have them.
  static let aliases = [
    "explain": "fetch", "limiter": "fetch", "portal-test": "fetch", "retry": "enqueue",
    "skip": "enqueue", "stop": "enqueue", "why": "validate", "report": "validate",
    "monitor": "validate", "reconcile": "validate",
  ]

  /// Folders of the tools, in the order in which they are looked through.
  let folders: [String]
  /// Folders of plugins.
  let plugins: [String]
  /// All variables that programs get.
  let environment: [String: String]
  /// What the programs have said to people, where that is kept.
  var lastWords: LastWords?

  /// `beside` is the folder of this program.
  init(environment: [String: String], beside folder: String) {
    self.environment = environment
    folders = [environment["CONVEYOR_BIN"] ?? "", folder].filter { !$0.isEmpty }
    plugins = ["CONVEYOR_PLUGIN_PATH", "PATH"].flatMap {
      (environment[$0] ?? "").split(separator: ":").map(String.init)
    }
  }

  /// Where a tool or a plugin is. Throws with exit code 78 where it is nowhere, 64 where the name cannot be
  /// that of one.
  func find(_ name: String) throws(Fatal) -> String {
    if Self.tools.contains(name) {
      if let path = first(name, in: folders) { return path }
      throw Fatal(
        .configuration,
        "the tool \(name) is not in \(folders.joined(separator: " or ")). Build it with `make build`, or "
          + "set CONVEYOR_BIN to its folder.")
    }
    guard Self.isName(name) else {
      let shown = Format.printable(SecretRedactor.setting(name))
      throw Fatal(.usage, "\(shown) is not the name of a command (conveyor help)")
    }
    if let path = first("conveyor-\(name)", in: plugins) { return path }
    let commands =
      Self.tools + Self.aliases.keys.sorted()
      + ["run", "work", "init", "doctor", "plan", "demo", "completions", "help"]
    let near = NearestName.of(name, among: commands).map { "; did you mean \($0)?" } ?? ""
    throw Fatal(
      .configuration,
      "there is no tool and no plugin \(name) (no conveyor-\(name) in CONVEYOR_PLUGIN_PATH or PATH)\(near)"
    )
  }

  /// How a tool describes itself, as argument-parser has it: `{"command":…}`.
  func help(of tool: String, _ messages: Messages = .shown) throws -> JSON {
    let dump = try run(tool, ["--experimental-dump-help"], messages)
    guard dump.status == 0 else { throw Preflight.Ended(status: dump.status) }
    guard let json = try? JSON(parsing: dump.text) else {
      throw Fatal(
        .configuration, "the tool \(tool) does not describe its options. Build it again.")
    }
    return json
  }

  /// Every variable of the environment that begins with `CONVEYOR_` and is read by something.
  func variables() -> Set<String> {
    var names = Set(
      ["BIN", "CONFIG", "PLUGIN_PATH", "RUN_ID", "SHARE"].map { "CONVEYOR_\($0)" }
        + RunSettings.Own.allCases.map { EnvironmentDefaults.variable($0.rawValue) })
    for tool in Self.tools {
      guard let command = try? help(of: tool, .dropped)["command"] else { continue }
      for command in [command] + (command["subcommands"]?.array ?? []) {
        for option in (command["arguments"]?.array ?? []).compactMap(CommandSyntax.Option.init) {
          for name in option.spellings.map({ String($0.drop { $0 == "-" }) }) {
            names.insert(EnvironmentDefaults.variable(name))
            names.insert(EnvironmentDefaults.variable(name, of: tool))
          }
        }
      }
    }
    return names
  }

  /// Where a program of the system is; `nil` where it is not installed.
  func installed(_ name: String) -> String? {
    first(name, in: (environment["PATH"] ?? "").split(separator: ":").map(String.init))
  }

  /// Lower-case letters, digits, hyphens and underscores; neither of these two first.
  static func isName(_ text: String) -> Bool {
    text.first.map { $0 != "-" && $0 != "_" } == true
      && text.utf8.allSatisfy { byte in
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
          || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
          || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
      }
  }

  private func first(_ name: String, in folders: [String]) -> String? {
    folders.lazy.map { "\($0)/\(name)" }.first(where: ProgramPath.isProgram)
  }

  /// How a program ended, and what it printed.
  struct Finished: Sendable {
    let status: Int32
    let text: String

    var lines: [String] { text.split(separator: "\n").map(String.init) }
  }

  /// What to do with a program's messages.
  enum Messages { case shown, captured, dropped }

  /// Runs a tool to its end. `isInteractive`: whether it may read the driver's standard input.
  func run(
    _ tool: String, _ arguments: [String], _ messages: Messages = .shown,
    isInteractive: Bool = false, with more: [String: String] = [:]
  ) throws(Fatal) -> Finished {
    let path = try find(tool)
    return try run(path: path, [tool] + arguments, messages, isInteractive, more)
  }

  /// Runs any program to its end; the first word is the name that it sees.
  func run(
    path: String, _ words: [String], _ messages: Messages, _ isInteractive: Bool = false,
    _ more: [String: String] = [:]
  ) throws(Fatal) -> Finished {
    let variables = environment.merging(more) { $1 }.map { "\($0.key)=\($0.value)" }
    if messages == .shown, let lastWords,
      let finished = try lastWords.keeping({ errors throws(Fatal) in
        try run(path, words, variables, messages, isInteractive, errors: errors)
      })
    {
      return finished
    }
    return try run(path, words, variables, messages, isInteractive, errors: STDERR_FILENO)
  }

  private func run(
    _ path: String, _ words: [String], _ variables: [String], _ messages: Messages,
    _ isInteractive: Bool, errors shown: Int32
  ) throws(Fatal) -> Finished {
    do {
      let (bytes, end) = try Launch.output(limit: 1 << 22) { nowhere, output in
        let errors =
          switch messages {
          case .shown: shown
          case .captured: output
          case .dropped: nowhere
          }
        return Launch(
          path: path, arguments: words, environment: variables,
          input: isInteractive ? STDIN_FILENO : nowhere, output: output, errors: errors)
      }
      let text = String(decoding: bytes ?? [], as: UTF8.self)
      switch end {
      case .status(let status): return Finished(status: status, text: text)
      case .signal(let number):
        let said = "\(words[0]) \(Verdict.describe(signal: number))"
        if messages != .captured { Driver.say(said) }
        return Finished(status: ToolExit.other.rawValue, text: text + "\(said)\n")
      }
    } catch {
      throw Fatal(.other, "cannot start \(path): \(error)")
    }
  }
}
