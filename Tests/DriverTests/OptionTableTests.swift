import Common
import Testing

@testable import driver

@Suite("The options of a run")
struct OptionTableTests {
  private let table: OptionTable

  init() throws { table = try Tables.built.get() }

  private func settings(
    _ words: String..., command: RunSettings.Command = .run, environment: [String: String] = [:]
  ) throws -> RunSettings {
    try RunSettings(words, for: command, table, environment: environment)
  }

  private func plan(_ words: String...) throws -> [String: [String]] { try plan(words) }

  private func plan(_ words: [String]) throws -> [String: [String]] {
    let settings = try RunSettings(words, for: .run, table, environment: ["CONVEYOR_TO": "bucket"])
    let plan = RunPlan(
      settings: settings, stage: "s", to: "bucket", state: "state", limiter: "limiter",
      middle: ["fetch", "optimize", "stamp", "upload"], paths: [:])
    let programs = plan.programs(todo: 100)
    #expect(
      programs.map(\.name) == ["enqueue", "fetch", "optimize", "stamp", "upload", "validate"])
    #expect(programs.map(\.isPlugin) == [false, false, false, true, false, false])
    return Dictionary(uniqueKeysWithValues: programs.map { ($0.name, Array($0.words.dropFirst())) })
  }

  /// A value that an option takes.
  private func value(_ option: ToolOption) -> String { option.values.last ?? "7" }

  @Test("Every option of every tool reaches that tool, and with its tool's name no other")
  func everyOption() throws {
    #expect(Set(table.options.map(\.tool)) == Set(OptionTable.tools))
    #expect(table.options.count > 60)
    for option in table.options {
      let words = option.takesValue ? [value(option)] : []
      let full = OptionTable.full(option.tool, "--\(option.name)")
      let given = try RunSettings([full] + words, for: .run, table, environment: [:]).given
      #expect(given.map(\.option) == [option], "\(full)")
      #expect(given.first?.value == words.first)
      // The driver itself takes these, and gives them to the tools.
      guard !RunSettings.Own.allCases.contains(where: { $0.rawValue == option.name }) else {
        continue
      }
      let bare = table.bare("--\(option.name)")
      for reached in bare {
        let given = try RunSettings(
          ["--\(option.name)"] + words, for: .run, table, environment: [:])
        #expect(given.has(reached.tool, option.name), "--\(option.name) of \(reached.tool)")
      }
    }
  }

  @Test("A name that several tools know goes to all of them, or to those that are written down")
  func sharedNames() throws {
    for (name, tools) in [
      ("workers", ["enqueue", "fetch"]), ("retries", ["fetch"]), ("timeout", ["fetch"]),
      ("retry-base", ["fetch"]), ("progress", ["validate"]),
      ("portal", ["enqueue", "fetch"]), ("portal-base", ["enqueue", "fetch"]),
      ("rate-limit-delay", ["enqueue", "fetch"]),
      ("outage-limit", ["fetch", "upload", "validate"]),
      ("log-level", OptionTable.tools), ("verbose", OptionTable.tools), ("limit", ["enqueue"]),
      ("quality", ["optimize"]), ("overwrite", ["upload"]), ("keep-local", ["validate"]),
      ("retry-wait", ["validate"]), ("read-data", ["validate"]), ("metrics-file", ["validate"]),
      ("lease", ["enqueue"]), ("no-wait", ["enqueue"]), ("contact", ["fetch"]),
      ("low-speed-time", ["fetch"]), ("retry-max-time", ["fetch"]), ("max-filesize", ["fetch"]),
    ] {
      #expect(table.bare("--\(name)").map(\.tool) == tools, "--\(name)")
    }
    #expect(table.bare("-v").map(\.tool) == OptionTable.tools)
    // -w is upload's and validate's, and --workers is not.
    #expect(table.bare("-w").isEmpty)
    for name in OptionTable.meanings.keys where name != "key" {
      #expect(
        Set(table.options.filter { $0.name == name }.map(\.tool)).count > 1,
        "\(name) is nobody's question")
    }
  }

  @Test("No name of an option begins with a tool's name")
  func prefixes() {
    for option in table.options {
      for tool in OptionTable.tools {
        #expect(!option.name.hasPrefix("\(tool)-"), "\(option.name)")
      }
    }
  }

  @Test(
    "What is wrong is said, with the nearest name",
    arguments: [
      (["--wokers", "5"], "did you mean --workers?"),
      (["--fetch-wokers", "5"], "--fetch-workers?"),
      (["--upload-quality", "x"], "--upload-quality is not known"),
      (["--drY-run"], "did you mean --dry-run?"),
      (["--nothing-like-it"], "conveyor help run"), (["stage"], "stage is not known"),
      (["-w", "3"], "say --upload-workers or --validate-workers"),
      (["--limit"], "--limit lacks its value"), (["--stage"], "--stage lacks its value"),
      (["--yes=1"], "--yes takes no value"), (["--no-wait=1"], "--no-wait takes no value"),
      (["--quality", "best"], "--quality must be one of screen, ebook"),
      (["--no-network"], "--no-network is not known"), (["--settle"], "is not known"),
      (["--index://me:pa@ss@h"], "***"),
    ])
  func wrong(_ words: [String], _ message: String) {
    let error = #expect(throws: Fatal.self) {
      try RunSettings(words, for: .run, table, environment: [:])
    }
    #expect(error?.code == .usage)
    #expect(error?.message.contains(message) == true, "\(String(describing: error))")
  }

  @Test("The driver's own options, from the command line before the environment")
  func own() throws {
    let environment = [
      "CONVEYOR_STAGE": "a", "CONVEYOR_INDEX": "b", "CONVEYOR_TO": "c", "CONVEYOR_STATE": "d",
      "CONVEYOR_LIMITER": "e",
    ]
    let silent = try settings(environment: environment)
    #expect(
      [silent.stage, silent.index, silent.to, silent.state, silent.limiter] == [
        "a", "b", "c", "d", "e",
      ])
    #expect(!silent.assumesYes && !silent.isDryRun && silent.usesNetwork)
    let told = try settings(
      "--stage=x", "--index", "y", "--to=z", "--state", "w", "--limiter=v", "-y", "-n",
      environment: environment)
    #expect(
      [told.stage, told.index, told.to, told.state, told.limiter] == ["x", "y", "z", "w", "v"])
    #expect(told.assumesYes && told.isDryRun)
    #expect(try settings("--no-network", command: .doctor).usesNetwork == false)
    #expect(try settings(environment: ["CONVEYOR_STAGE": ""]).stage == nil)
  }

  @Test("Each program of a pipeline gets what makes it part of the run, then what was asked for")
  func programs() throws {
    let plain = try plan()
    #expect(
      plain["enqueue"] == [
        "--stage", "s", "--state", "state", "--log-file", "state/conveyor.log", "--quiet",
      ])
    #expect(plain["stamp"] == [])
    #expect(plain["fetch"]?.contains("limiter") == true)
    #expect(
      plain["validate"]?.contains("--settle") == true
        && plain["validate"]?.contains("--total") == false)
    let asked = try plan(
      "--workers", "9", "--books", "1-9", "--limit", "5", "--retries", "2", "-v",
      "--upload-retries", "4")
    #expect(
      asked["enqueue"]?.suffix(7) == [
        "--workers", "9", "--books", "1-9", "--limit", "5", "--verbose",
      ])
    #expect(asked["fetch"]?.suffix(5) == ["--workers", "9", "--retries", "2", "--verbose"])
    #expect(asked["upload"]?.suffix(3) == ["--verbose", "--retries", "4"])
    #expect(
      asked["optimize"] == [
        "--state", "state", "--log-file", "state/conveyor.log", "--verbose",
      ])
    let validate = try #require(asked["validate"])
    #expect(validate.firstIndex(of: "--total").map { validate[$0 + 1] } == "5")
    for (words, isFiltered) in [
      (["--since", "1951-03-04"], true), (["--portal", "mid"], true), (["--select", "ids"], true),
      (["--no-wait", "-v", "--lease", "60"], false), (["--rate-limit-delay", "1"], false),
      (["--log-level", "info", "--workers", "3"], false), (["--stages-dir", "x"], false),
    ] {
      #expect(try plan(words)["validate"]?.contains("--total") == isFiltered, "\(words)")
    }
    // A number of workers that fetch finds by itself is none to claim by.
    let auto = try plan("--workers", "auto")
    #expect(
      auto["enqueue"]?.contains("--workers") == false
        && auto["fetch"]?.suffix(2) == ["--workers", "auto"])
    #expect(try plan("--type", "-5")["enqueue"]?.last == "--type=-5")
  }

  @Test("What may hold a password is in no argument")
  func secrets() throws {
    let url = "postgres://me:CANARY@h/n"
    let settings = try settings(
      "--index", url, "--limiter", url, "--proxy", "http://me:CANARY@h:1", "--header",
      "X-Key: CANARY")
    #expect(OptionTable.tools.allSatisfy { !settings.words($0).joined().contains("CANARY") })
    let environment = settings.environment
    #expect(environment["CONVEYOR_INDEX"] == url && environment["CONVEYOR_LIMITER"] == url)
    #expect(environment["CONVEYOR_FETCH_PROXY"] == "http://me:CANARY@h:1")
    #expect(environment["CONVEYOR_FETCH_HEADER"] == "X-Key: CANARY")
    // Several values have no room in one variable.
    let two = try self.settings("--header", "A: b", "--header", "C: d")
    #expect(two.words("fetch") == ["--header", "A: b", "--header", "C: d"])
  }

  @Test("A dry run shows ten documents at most")
  func preview() throws {
    for (words, limit) in [([], "10"), (["--limit", "3"], "3"), (["--limit", "50"], "10")] {
      let settings = try RunSettings(words, for: .run, table, environment: [:])
      let plan = RunPlan(
        settings: settings, stage: "s", to: "b", state: "state", limiter: "l", middle: ["fetch"],
        paths: [:])
      let programs = plan.preview()
      #expect(programs.map(\.name) == ["enqueue", "fetch"])
      #expect(programs.first?.words.suffix(3) == ["--limit", limit, "--dry-run"])
      #expect(
        programs.allSatisfy { $0.words.last == "--dry-run" && !$0.words.contains("--log-file") })
    }
  }

  @Test("Help lists every option once, by the name that it can be given by")
  func help() throws {
    let lines = OptionHelp(table: table).lines(for: .run, all: true)
    let words = lines.flatMap { $0.split { " =(),.".contains($0) } }.map(String.init)
    for option in table.options where table.bare("--\(option.name)").contains(option) {
      #expect(words.count { $0 == "--\(option.name)" } >= 1, "--\(option.name)")
    }
    for option in table.options where !table.bare("--\(option.name)").contains(option) {
      #expect(
        words.contains(OptionTable.full(option.tool, "--\(option.name)")),
        "\(option.tool) \(option.name)")
    }
    for command in [RunSettings.Command.run, .work] {
      let lines = OptionHelp(table: table).lines(for: command, all: true)
      let words = lines.flatMap { $0.split { " =(),.".contains($0) } }.map(String.init)
      for own in RunSettings.Own.allCases where own != .limiter {
        #expect(
          words.contains("--\(own.rawValue)") == own.isOption(of: command), "--\(own.rawValue)")
      }
      #expect(lines.allSatisfy { $0.count <= 80 })
      #expect(words.contains("--optimize-workers"))
      #expect(words.contains("--limit") == (command == .run))
    }
    #expect(lines.allSatisfy { $0.count <= 80 })
    #expect(lines.first?.hasPrefix("usage: conveyor run --stage") == true)
    let doctor = OptionHelp(table: table).lines(for: .doctor, all: false)
    #expect(doctor.contains { $0.contains("--no-network") })
  }

  @Test("What is another machine's is said to have no effect here")
  func withoutEffect() throws {
    let words = ["--fleet", "redis://h/0", "--limit", "3", "--engine", "images", "--workers", "4"]
    let head = try RunSettings(words, for: .run, table, environment: [:])
    #expect(head.withoutEffect(for: .run).map { $0.prefix(8) } == ["--engine"])
    let worker = try RunSettings(words, for: .work, table, environment: [:])
    #expect(worker.withoutEffect(for: .work).map { $0.prefix(7) } == ["--limit"])
    let alone = try RunSettings(Array(words.dropFirst(2)), for: .run, table, environment: [:])
    #expect(alone.withoutEffect(for: .run) == [])
    #expect(head.environment["CONVEYOR_FLEET"] == "redis://h/0")
    #expect(throws: Fatal.self) {
      try RunSettings(["--in-flight", "3"], for: .run, table, environment: [:])
    }
  }

  @Test("A tool with subcommands: its own options and those of the default one, and no others")
  func subcommands() throws {
    let report = #"{"commandName":"report","arguments":[\#(Tables.option("html"))]}"#
    let settle = #"{"commandName":"settle","arguments":[\#(Tables.option("keep", kind: "flag"))]}"#
    let more = #","defaultSubcommand":"settle","subcommands":[\#(report),\#(settle)]"#
    let help = try Tables.help(
      Tables.option("state") + "," + Tables.option("odd", #","shouldDisplay":false"#), more: more)
    let options = ToolOption.all(of: "validate", help: help)
    #expect(options.map(\.name) == ["state", "odd", "keep"])
    #expect(options.map(\.isRare) == [false, true, false])
    #expect(options.map(\.takesValue) == [true, true, false])
    let flat = ToolOption.all(of: "upload", help: try Tables.help(Tables.option("state")))
    #expect(flat.map(\.name) == ["state"])
  }
}
