import Common

/// What `conveyor help run` prints: the table of options, the most used ones first. Pure.
struct OptionHelp {
  private static let width = 80
  private static let column = 26

  /// Options that most runs need, in this order.
  private static let first = [
    "stage", "index", "to", "state", "workers", "limit", "rate-limit-delay", "portal-base",
    "no-wait",
    "keep-local", "overwrite", "verbose", "quiet",
  ]

  let table: OptionTable

  /// An option with its values, and what it does.
  struct Entry: Sendable, Equatable {
    let names: String
    let text: String
  }

  /// Options under one heading.
  struct Section: Sendable, Equatable {
    let title: String
    let entries: [Entry]
  }

  /// `all`: also the options that the tools show only to those who ask for all.
  func lines(for command: RunSettings.Command, all: Bool) -> [String] {
    let sections = sections(for: command, all: all).flatMap { section in
      ["", "\(section.title.uppercased()):"] + section.entries.flatMap(Self.lines)
    }
    return ["usage: \(Self.usage(command))"] + Self.introduction(command) + sections
      + (all || !table.options.contains(where: \.isRare)
        ? [] : ["", "`conveyor help \(command.rawValue) --all` lists the rare ones, too."])
  }

  static func usage(_ command: RunSettings.Command) -> String {
    let place = command == .work ? "--fleet URL" : "--index URL"
    return "conveyor \(command.rawValue) --stage NAME \(place) --to URL [OPTION]…"
  }

  /// The options of a command, the most used ones first.
  func sections(for command: RunSettings.Command, all: Bool) -> [Section] {
    let shared = table.options.filter { option in
      let reached = table.bare("--\(option.name)")
      return reached.count > 1 && reached.first == option
    }
    let sections =
      [
        Section(title: "most used", entries: mostUsed(command)),
        section("several tools", shared, all),
      ]
      + RunSettings.tools(of: command, inFleet: false).map { tool in
        section(tool, table.options.filter { $0.tool == tool && !isShared($0) }, all)
      }
    return sections.filter { !$0.entries.isEmpty }
  }

  /// What a command does, in paragraphs.
  static func paragraphs(_ command: RunSettings.Command) -> [String] {
    let text =
      switch command {
      case .doctor:
        "Checks what is installed and what can be reached, and takes the options of a run."
      case .plan:
        """
        Predicts, from samples that fetch noted, how many workers a run has use for, how many documents an hour it \
        brings, and when it ends. Makes no request, and takes the options of a run.
        """
      case .work:
        """
        Works on the documents of a head elsewhere (conveyor run --fleet): queue take | fetch | optimize | upload | \
        queue give. Needs no index. Ctrl+C stops in order: what is not begun is another machine's. With --fleet \
        alone, the same Redis keeps the limiter, so that all machines share one budget for each host.
        """
      case .run:
        """
        Brings the documents of a stage into the store: enqueue | fetch | optimize | upload | validate. \
        Checks first that everything is there, shows what there is to do, and asks before it begins. Ctrl+C stops \
        in order, and the same command resumes; a second Ctrl+C stops at once.
        """
      }
    let options = """
      All options of the tools are options of a run. Where several tools know a name, --TOOL-NAME gives it to one \
      of them, like --upload-workers 8.
      """
    return [text, options]
  }

  private static func introduction(_ command: RunSettings.Command) -> [String] {
    paragraphs(command).flatMap { [""] + wrapped($0, at: 0) }
  }

  private func mostUsed(_ command: RunSettings.Command) -> [Entry] {
    var entries: [Entry] = []
    let tools = RunSettings.tools(of: command, inFleet: false)
    for name in Self.first + Self.ofFleets where isOption(name, of: command) {
      // What fetch says of its workers says more than what the others do.
      let reached = table.bare("--\(name)")
      let option = reached.first { $0.tool == "fetch" } ?? reached.first
      if let text = Self.abstracts[name] {
        entries.append(Entry(names: "--\(name) <\(text.value)>", text: text.abstract))
      } else if let option, reached.contains(where: { tools.contains($0.tool) }) {
        entries.append(entry(option, "--\(name)"))
      }
    }
    let more = Self.ofDriver.filter { entry in
      RunSettings.Own.allCases.contains { own in
        own.isOption(of: command)
          && entry.names.split { " ,".contains($0) }.contains { own.spellings.contains(String($0)) }
      }
    }
    return entries + more
  }

  /// Options that no tool has.
  private static let ofDriver = [
    Entry(names: "--no-optimize", text: "Leave optimize out: PDFs are stored as they came."),
    Entry(names: "-n, --dry-run", text: "Show what would be requested, for ten documents at most."),
    Entry(names: "-y, --yes", text: "Start without asking."),
    Entry(
      names: "--webhook <url>",
      text: "Send what happens to this URL; repeatable (CONVEYOR_WEBHOOK; docs/notify.md)."),
    Entry(
      names: "--webhook-secret-file <file>",
      text: "Sign it with the key in this file (CONVEYOR_WEBHOOK_SECRET_FILE)."),
    Entry(
      names: "--ping <url>", text: "Ping this URL: /start, and /CODE in the end (CONVEYOR_PING)."),
    Entry(names: "--json", text: "Print JSON."),
    Entry(names: "--no-network", text: "Ask neither the portals nor the destination."),
    Entry(
      names: "--config <file>",
      text: "Read settings from this file, not from conveyor.env (CONVEYOR_CONFIG)."),
  ]

  private static let ofFleets = ["fleet", "queue", "window", "in-flight", "idle"]

  /// Whether a command has an option, be it a tool's or the driver's own.
  private func isOption(_ name: String, of command: RunSettings.Command) -> Bool {
    RunSettings.Own(rawValue: name)?.isOption(of: command) ?? true
  }

  /// What the driver does with an option itself.
  private static let abstracts: [String: (value: String, abstract: String)] = [
    "stage": ("name", "The stage, by name or file (CONVEYOR_STAGE)."),
    "index": ("url", "The index: postgres://USER@HOST/NAME or sqlite:PATH (CONVEYOR_INDEX)."),
    "fleet": (
      "url",
      "Let other machines do the work, over redis://HOST/0: each runs conveyor work (CONVEYOR_FLEET; docs/fleet.md)."
    ),
    "queue": ("name", "The queue in it (CONVEYOR_QUEUE; default: the stage's name)."),
    "window": ("n", "Have at most this many documents in the queue. (default: 2000)"),
    "in-flight": ("n", "Have at most this many documents in hand. (default: 40)"),
    "idle": ("time", "End when there was nothing to do for this long. (default: never)"),
    "to": ("url", "The store: gs://BUCKET/PREFIX, s3://BUCKET/PREFIX or a folder (CONVEYOR_TO)."),
    "state": (
      "dir",
      """
      The folder of checkpoint, spool, log and summary (CONVEYOR_STATE; default: one for each index in \
      ~/.local/state/conveyor, with one limiter for all).
      """
    ),
  ]

  /// Whether an option stands where those of several tools do.
  private func isShared(_ option: ToolOption) -> Bool {
    let reached = table.bare("--\(option.name)")
    return reached.count > 1 && reached.contains(option)
  }

  private func section(_ title: String, _ options: [ToolOption], _ all: Bool) -> Section {
    let entries = options.filter { all || !$0.isRare }.compactMap { option -> Entry? in
      let isBare = table.bare("--\(option.name)").contains(option)
      guard !isBare || !Self.first.contains(option.name) else { return nil }
      return entry(
        option, isBare ? "--\(option.name)" : OptionTable.full(option.tool, "--\(option.name)"))
    }
    return Section(title: title, entries: entries)
  }

  private func entry(_ option: ToolOption, _ name: String) -> Entry {
    var notes: [String] = []
    let reached = table.bare(name).map(\.tool)
    if reached.count > 1 {
      notes.append(reached == OptionTable.tools ? "all tools" : reached.joined(separator: ", "))
    }
    if !option.values.isEmpty { notes.append("values: \(option.values.joined(separator: ", "))") }
    if let standard = option.defaultValue, !option.abstract.contains("default") {
      notes.append("default: \(standard)")
    }
    let short = option.spellings.first { !$0.hasPrefix("--") && !table.bare($0).isEmpty }
    let prefix = reached.isEmpty ? "" : short.map { "\($0), " } ?? ""
    let value = option.takesValue ? " <\(option.valueName)>" : ""
    let more = notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))"
    return Entry(names: prefix + name + value, text: option.abstract + more)
  }

  private static func lines(_ entry: Entry) -> [String] {
    let text = wrapped(entry.text, at: column)
    let names = "  \(entry.names)"
    guard names.count < column, let first = text.first else { return [names] + text }
    return [Format.padRight(names, column) + first.dropFirst(column)] + text.dropFirst()
  }

  /// A text in lines of 80 columns, indented.
  private static func wrapped(_ text: String, at indent: Int) -> [String] {
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = []
    var line = ""
    for word in text.split(whereSeparator: \.isWhitespace) {
      if !line.isEmpty, indent + line.count + 1 + word.count > width {
        lines.append(margin + line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return line.isEmpty ? lines : lines + [margin + line]
  }
}
