import CLI
import Common

/// Which option of `conveyor run` reaches which tools. Made from the tools' own help, so that an option that a
/// tool gets is one of the driver's without another line. Pure.
///
/// `--NAME` goes to the tools that know it; where they mean different things by it, ``meanings`` says which.
/// `--TOOL-NAME` goes to that tool alone.
struct OptionTable: Sendable {
  /// The tools of every pipeline, in its order.
  static let tools = ["enqueue", "fetch", "optimize", "upload", "validate"]

  /// Where a name that several tools know goes to, if not to all of them.
  static let meanings: [String: [String]] = [
    // enqueue claims by the number of fetch's workers.
    "workers": ["enqueue", "fetch"],
    "retries": ["fetch"],
    "retry-base": ["fetch"],
    "timeout": ["fetch"],
    // The line of the run is validate's.
    "progress": ["validate"],
    // A certificate's key and an object's key: which one has to be said.
    "key": [],
  ]

  /// What the driver itself gives to all tools that know it.
  static let own: Set<String> = ["help", "version", "index", "stage", "state", "dry-run"]

  /// Options with which a tool does something else than its part of a pipeline.
  private static let otherwise: Set<String> = ["from-list", "no-records", "output-dir", "settle"]

  /// Every option that a run may be given, in the order of the pipeline and of the tools' help.
  let options: [ToolOption]

  /// A table of what the tools' help says, by tool.
  init(help: [String: JSON]) {
    options = Self.tools.flatMap { tool in
      help[tool].map { ToolOption.all(of: tool, help: $0) } ?? []
    }.filter(Self.isForRuns)
  }

  private static func isForRuns(_ option: ToolOption) -> Bool {
    !own.contains(option.name) && !otherwise.contains(option.name)
  }

  /// The options that a spelling without the name of a tool stands for: one in each tool that it goes to. Empty
  /// where it is not known, or where it has to be said which tool is meant.
  func bare(_ spelling: String) -> [ToolOption] {
    let known = options.filter { $0.spellings.contains(spelling) }
    let reached = known.filter { option in
      Self.meanings[option.name].map { $0.contains(option.tool) } ?? true
    }
    // A short name has to mean what the long one means.
    guard let name = known.first?.name, known.allSatisfy({ $0.name == name }) else { return [] }
    return spelling.hasPrefix("--") || reached.count == known.count ? reached : []
  }

  /// The option that `--TOOL-NAME` is.
  func ofOneTool(_ spelling: String) -> ToolOption? {
    options.first { option in
      option.spellings.contains { $0.hasPrefix("--") && Self.full(option.tool, $0) == spelling }
    }
  }

  /// `--fetch-workers` of `--workers`.
  static func full(_ tool: String, _ spelling: String) -> String {
    "--\(tool)-\(spelling.drop { $0 == "-" })"
  }

  /// The options that a spelling stands for. Throws with exit code 64 where it is none, with the nearest name.
  func find(_ spelling: String, besides own: [String] = []) throws(Fatal) -> [ToolOption] {
    if let option = ofOneTool(spelling) { return [option] }
    let found = bare(spelling)
    guard found.isEmpty else { return found }
    let known = options.filter { $0.spellings.contains(spelling) }
    if !known.isEmpty {
      let choices = known.map { Self.full($0.tool, "--\($0.name)") }.joined(separator: " or ")
      throw Fatal(.usage, "\(spelling) is not the same in all tools: say \(choices)")
    }
    let shown = SecretRedactor.setting(spelling)
    let near = NearestName.of(spelling, among: own + names)
    throw Fatal(
      .usage,
      "the option \(Format.printable(shown)) is not known"
        + (near.map { "; did you mean \($0)?" } ?? ". `conveyor help run` lists all options."))
  }

  /// Every name that can be written.
  var names: [String] {
    let full = options.map { Self.full($0.tool, "--\($0.name)") }
    return Array(Set(options.flatMap(\.spellings).filter { !bare($0).isEmpty } + full)).sorted()
  }
}

/// An option of a tool, as the tool's own help describes it (`--experimental-dump-help`).
struct ToolOption: Sendable, Equatable {
  let tool: String
  private let syntax: CommandSyntax.Option
  /// The tool's subcommands that have an option of this name, too.
  let subcommands: Set<String>

  /// The long name, without dashes.
  var name: String { syntax.name }
  /// All its names, with their dashes.
  var spellings: [String] { syntax.spellings }
  var takesValue: Bool { !syntax.isFlag }
  var isRepeating: Bool { syntax.description["isRepeating"] == .bool(true) }
  /// What help calls its value.
  var valueName: String { syntax.description["valueName"]?.string ?? name }
  /// One or two sentences.
  var abstract: String { syntax.description["abstract"]?.string ?? "" }
  var defaultValue: String? { syntax.description["defaultValue"]?.string }
  /// The values that there are, where there are only some.
  var values: [String] { (syntax.description["allValues"]?.array ?? []).compactMap(\.string) }
  /// Whether help shows it only to those who ask for all.
  var isRare: Bool { syntax.description["shouldDisplay"] == .bool(false) }

  /// The options of what a tool does without a subcommand: its own and those of its default subcommand.
  static func all(of tool: String, help: JSON) -> [ToolOption] {
    guard let root = help["command"] else { return [] }
    let standard = root["defaultSubcommand"]?.string
    let subcommands = root["subcommands"]?.array ?? []
    let commands = [root] + subcommands.filter { $0["commandName"]?.string == standard }
    var users: [String: Set<String>] = [:]
    for subcommand in subcommands {
      for option in (subcommand["arguments"]?.array ?? []).compactMap(CommandSyntax.Option.init) {
        users[option.name, default: []].insert(subcommand["commandName"]?.string ?? "")
      }
    }
    var options: [ToolOption] = []
    for argument in commands.flatMap({ $0["arguments"]?.array ?? [] }) {
      // One that has no long name cannot be given to one tool alone.
      guard let syntax = CommandSyntax.Option(argument),
        syntax.spellings.contains("--\(syntax.name)"),
        !options.contains(where: { $0.name == syntax.name })
      else { continue }
      options.append(
        ToolOption(tool: tool, syntax: syntax, subcommands: users[syntax.name] ?? []))
    }
    return options
  }
}
