import Common

/// An option of a tool, as the tool's own help describes it (`--experimental-dump-help`).
struct ToolOption: Sendable, Equatable {
  let tool: String
  /// The long name, without dashes.
  let name: String
  /// All its names, with their dashes.
  let spellings: [String]
  let takesValue: Bool
  let isRepeating: Bool
  /// What help calls its value.
  let valueName: String
  /// One or two sentences.
  let abstract: String
  let defaultValue: String?
  /// The heading that it stands under in the tool's help.
  let section: String?
  /// The values that there are, where there are only some.
  let values: [String]
  /// Whether help shows it only to those who ask for all.
  let isRare: Bool

  /// The options of what a tool does without a subcommand: its own and those of its default subcommand.
  static func all(of tool: String, help: JSON) -> [ToolOption] {
    guard let root = help["command"] else { return [] }
    let standard = root["defaultSubcommand"]?.string
    let subcommands = root["subcommands"]?.array ?? []
    let commands = [root] + subcommands.filter { $0["commandName"]?.string == standard }
    var options: [ToolOption] = []
    for argument in commands.flatMap({ $0["arguments"]?.array ?? [] }) {
      guard let option = ToolOption(argument, of: tool),
        !options.contains(where: { $0.name == option.name })
      else { continue }
      options.append(option)
    }
    return options
  }

  private init?(_ description: JSON, of tool: String) {
    guard let kind = description["kind"]?.string, kind != "positional" else { return nil }
    let names: [(text: String, isLong: Bool)] = (description["names"]?.array ?? []).compactMap {
      guard let text = $0["name"]?.string else { return nil }
      return (text, $0["kind"]?.string == "long")
    }
    let preferred = description["preferredName"]
    let isLong = preferred?["kind"]?.string == "long"
    guard let name = isLong ? preferred?["name"]?.string : names.first(where: \.isLong)?.text
    else { return nil }
    self.tool = tool
    self.name = name
    spellings = names.map { ($0.isLong ? "--" : "-") + $0.text }
    takesValue = kind == "option"
    isRepeating = description["isRepeating"] == .bool(true)
    valueName = description["valueName"]?.string ?? name
    abstract = description["abstract"]?.string ?? ""
    defaultValue = description["defaultValue"]?.string
    section = description["sectionTitle"]?.string
    values = (description["allValues"]?.array ?? []).compactMap(\.string)
    isRare = description["shouldDisplay"] == .bool(false)
  }
}
