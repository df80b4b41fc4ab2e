import ArgumentParser
import CLI
import Common

/// What a command says of itself, from which its manual page and its completion are made. Pure.
struct CommandPage: Sendable {
  /// Its words: `fetch limiter`.
  let name: String
  /// A sentence.
  let abstract: String
  /// What is said of it besides, a paragraph each, without examples and exit codes.
  let paragraphs: [String]
  /// Command lines.
  let examples: [String]
  let usage: String
  let sections: [OptionHelp.Section]
  /// The values that an option may have, where there are only some, by each of its spellings.
  let values: [String: [String]]
  let subcommands: [CommandPage]
  /// The values that an argument without a name may have, where there are only some: `pause`, `resume`.
  let words: [String]

  /// Reads a command in the JSON of `--experimental-dump-help`; `nil` where it is none.
  init?(_ help: JSON, of parent: String? = nil) {
    guard let own = help["commandName"]?.string else { return nil }
    name = parent.map { "\($0) \(own)" } ?? own
    abstract = help["abstract"]?.string ?? ""
    var texts: [String] = []
    var examples: [String] = []
    for paragraph in (help["discussion"]?.string ?? "").split(separator: "\n\n") {
      let lines = paragraph.split(separator: "\n")
      if paragraph.hasPrefix("EXIT CODES") { continue }
      if lines.allSatisfy({ $0.hasPrefix("  ") }) {
        examples += lines.map { String($0.dropFirst(2)) }
      } else {
        texts.append(
          String(paragraph).replacing("Rarer options: --help-all.", with: "").replacing(
            "\n", with: " "))
      }
    }
    (paragraphs, self.examples) = (texts, examples)
    let options = (help["arguments"]?.array ?? []).filter { $0["kind"]?.string != "positional" }
      .compactMap(CommandSyntax.Option.init)
    let positional = (help["arguments"]?.array ?? []).filter { $0["kind"]?.string == "positional" }
    sections = [
      OptionHelp.Section(title: "arguments", entries: positional.map(Self.argument)),
      OptionHelp.Section(title: "options", entries: options.map(Self.entry)),
    ]
    words = positional.flatMap { ($0["allValues"]?.array ?? []).compactMap(\.string) }
    var values: [String: [String]] = [:]
    for option in options {
      let all = (option.description["allValues"]?.array ?? []).compactMap(\.string)
      for spelling in option.spellings where !all.isEmpty { values[spelling] = all }
    }
    self.values = values
    let name = name
    subcommands = (help["subcommands"]?.array ?? [])
      .filter { $0["shouldDisplay"] == .bool(true) && $0["commandName"]?.string != "help" }
      .compactMap { CommandPage($0, of: name) }
    let places = positional.compactMap { argument in
      argument["valueName"]?.string.map { name in
        let shown = name.uppercased() + (argument["isRepeating"] == .bool(true) ? "…" : "")
        return argument["isOptional"] == .bool(true) ? "[\(shown)]" : shown
      }
    }
    usage = (["conveyor", name] + places + ["[OPTION]…"]).joined(separator: " ")
  }

  /// A command of the driver whose options are those of a run.
  init(_ command: RunSettings.Command, abstract: String, _ table: OptionTable) {
    name = command.rawValue
    self.abstract = abstract
    paragraphs = OptionHelp.paragraphs(command)
    examples = []
    usage = OptionHelp.usage(command)
    sections = OptionHelp(table: table).sections(for: command, all: true)
    var values: [String: [String]] = [:]
    for option in table.options where !option.values.isEmpty {
      for spelling in option.spellings where table.bare(spelling).contains(option) {
        values[spelling] = option.values
      }
    }
    self.values = values
    (subcommands, words) = ([], [])
  }

  /// A command without a description of its own: what `conveyor help` says of it.
  init(name: String, abstract: String, options: [OptionHelp.Entry] = []) {
    (self.name, self.abstract) = (name, abstract)
    (paragraphs, examples, values, subcommands, words) = ([], [], [:], [], [])
    usage = "conveyor \(name) [OPTION]…"
    sections = [OptionHelp.Section(title: "options", entries: options)]
  }

  private static func entry(_ option: CommandSyntax.Option) -> OptionHelp.Entry {
    let value = option.isFlag ? "" : " <\(option.description["valueName"]?.string ?? option.name)>"
    let spellings = option.spellings.sorted { $0.count < $1.count }.joined(separator: ", ")
    return OptionHelp.Entry(names: spellings + value, text: text(of: option.description))
  }

  private static func argument(_ description: JSON) -> OptionHelp.Entry {
    OptionHelp.Entry(
      names: "<\(description["valueName"]?.string ?? "argument")>", text: text(of: description))
  }

  /// What is said of an option or an argument, with its values and its default.
  private static func text(of description: JSON) -> String {
    let abstract = description["abstract"]?.string ?? ""
    let values = (description["allValues"]?.array ?? []).compactMap(\.string)
    var notes: [String] = []
    if !values.isEmpty { notes.append("values: \(values.joined(separator: ", "))") }
    if let standard = description["defaultValue"]?.string, !abstract.contains("default:") {
      notes.append("default: \(standard)")
    }
    return abstract + (notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))")
  }

  /// Every spelling of an option, with whether it takes a value, and what it does.
  var options: [(spelling: String, takesValue: Bool, text: String)] {
    sections.flatMap(\.entries).flatMap { entry in
      let words = entry.names.split(separator: " ").map(String.init)
      let takesValue = words.last?.hasPrefix("<") == true
      return words.filter { $0.hasPrefix("-") }.map { word in
        (word.hasSuffix(",") ? String(word.dropLast()) : word, takesValue, entry.text)
      }
    }
  }
}

extension CommandPage {
  /// What there is: the script's own list of commands (`conveyor help`), the tools and the driver asked for theirs.
  static func all(_ programs: Programs, script: String) throws -> [CommandPage] {
    let said = try programs.run(path: script, [script, "help"], .dropped)
    let commands = listed(in: said.lines)
    guard said.status == 0, !commands.isEmpty else {
      throw Fatal(.other, "\(script) does not list its commands. Give the path of bin/conveyor.")
    }
    var help: [String: JSON] = [:]
    for tool in Programs.tools { help[tool] = try programs.help(of: tool) }
    let ofTools = help.compactMapValues { $0["command"].flatMap { CommandPage($0) } }
    let table = OptionTable(help: help)
    let own = (try? JSON(parsing: Init._dumpHelp()))?["command"].flatMap { CommandPage($0) }
    var pages = commands.map { name, abstract in
      if let command = RunSettings.Command(rawValue: name) {
        return CommandPage(command, abstract: abstract, table)
      }
      if name == "init", let own { return own }
      if let alias = Programs.aliases[name],
        let page = ofTools[alias]?.subcommands.first(where: { $0.name == "\(alias) \(name)" })
      {
        return page.renamed(name)
      }
      if let page = ofTools[name] { return page }
      return CommandPage(
        name: name, abstract: abstract, options: Self.options(of: name, script, programs))
    }
    for (name, tool) in Programs.aliases.sorted(by: { $0.key < $1.key })
    where !pages.contains(where: { $0.name == name }) {
      let page = ofTools[tool]?.subcommands.first { $0.name == "\(tool) \(name)" }
      if let page { pages.append(page.renamed(name)) }
    }
    for tool in Programs.tools where !pages.contains(where: { $0.name == tool }) {
      if let page = ofTools[tool] { pages.append(page) }
    }
    return pages
  }

  /// The commands in what `conveyor help` prints, with what it says of each: lines like `  retry, skip   try …`.
  static func listed(in help: [String]) -> [(name: String, abstract: String)] {
    help.flatMap { line -> [(name: String, abstract: String)] in
      guard line.hasPrefix("  "), let first = line.dropFirst(2).first, first.isLowercase else {
        return []
      }
      let rest = line.dropFirst(2)
      guard let gap = rest.firstRange(of: "  ") else { return [] }
      let names = rest[..<gap.lowerBound].prefix { !"-[A".contains($0) }
      let text = rest[gap.upperBound...].drop { $0 == " " }
      let sentence = text.prefix(1).uppercased() + text.dropFirst() + "."
      return names.split { ", ".contains($0) }.filter { $0.first?.isLowercase == true }.map {
        (String($0), sentence)
      }
    }
  }

  /// Options in the help of a script: `  --dir DIR   where (default: demo)`.
  private static func options(of name: String, _ script: String, _ programs: Programs)
    -> [OptionHelp.Entry]
  {
    guard let said = try? programs.run(path: script, [script, "help", name], .dropped) else {
      return []
    }
    return said.lines.filter { $0.hasPrefix("  --") }.flatMap { line in
      let parts = line.dropFirst(2).split(separator: "  ", maxSplits: 1)
      let text = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
      return (parts.first ?? "").split(separator: ", ").map { option in
        let words = option.split(separator: " ")
        let value = words.count > 1 ? " <\(words[1].lowercased())>" : ""
        return OptionHelp.Entry(names: words[0] + value, text: text)
      }
    }
  }

  private func renamed(_ name: String) -> CommandPage { CommandPage(self, name: name) }

  private init(_ page: CommandPage, name: String) {
    self.name = name
    (abstract, paragraphs, examples) = (page.abstract, page.paragraphs, page.examples)
    usage = page.usage.replacing("conveyor \(page.name)", with: "conveyor \(name)")
    (sections, values, words) = (page.sections, page.values, page.words)
    subcommands = page.subcommands
  }
}
