import Common
import Testing

@testable import CLI

@Suite("A command line is read as what it asks for")
struct InvocationTests {
  private static let old: [String: OldOption] = [
    "report": .flag(subcommand: "report"), "import": .option(subcommand: "import"),
    "part-status": .flag(subcommand: "status", argument: "part"), "settle": .ofToolAlone,
    "key": .renamed("cert-key"),
  ]

  private static func command(_ name: String, _ options: [String], _ more: String = "") -> String {
    let arguments = options.map { option in
      let isFlag = !option.hasSuffix("=")
      let name = isFlag ? option : String(option.dropLast())
      return """
        {"kind":"\(isFlag ? "flag" : "option")","names":[{"kind":"long","name":"\(name)"}],
        "preferredName":{"kind":"long","name":"\(name)"}}
        """
    }
    return """
      {"commandName":"\(name)","arguments":[\(arguments.joined(separator: ","))]\(more)}
      """
  }

  private static let syntax: CommandSyntax = {
    let subcommands = [
      command("report", ["index=", "json"]), command("import", ["index="]),
      command("status", ["state="]),
    ]
    let list = subcommands.joined(separator: ",")
    let root = command(
      "tool", ["index=", "workers=", "verbose", "settle", "cert-key="], ",\"subcommands\":[\(list)]"
    )
    return CommandSyntax(help: "{\"command\":\(root)}")
  }()

  private func read(
    _ line: String, _ environment: [String: String] = [:]
  ) throws(Fatal) -> Invocation {
    try Invocation(
      line.split(separator: " ").map(String.init), of: "tool", old: Self.old,
      environment: environment, syntax: Self.syntax)
  }

  @Test(
    "Old options become subcommands, wherever they stand",
    arguments: [
      ("", nil, ""), ("--index x", nil, "--index x"), ("report --json", "report", "--json"),
      ("--report", "report", ""), ("--index x --report --json", "report", "--index x --json"),
      ("--report --index=x", "report", "--index=x"), ("--report --report", "report", ""),
      ("report --report", "report", ""), ("--index x report --json", "report", "--index x --json"),
      // The value of an option is no subcommand, and what follows -- is no option.
      ("--index report", nil, "--index report"),
      ("--verbose -- --report", nil, "--verbose -- --report"),
      ("--import a.csv --index x", "import", "--index x -- a.csv"),
      ("--index x --import=a.csv", "import", "--index x -- a.csv"),
      ("--import -", "import", "-- -"),
      ("--import report", "import", "-- report"), ("--import", "import", ""),
      ("--part-status --state s", "status", "--state s -- part"),
      ("--key a.pem", nil, "--cert-key a.pem"), ("--key=a.pem", nil, "--cert-key=a.pem"),
      ("--settle --index x", nil, "--settle --index x"), ("--help-all", nil, "--help-hidden"),
      ("--unknown --report", "report", "--unknown"),
      ("help", nil, "--help"), ("help report", "report", "--help"), ("help what", nil, "--help"),
    ] as [(String, String?, String)])
  func forms(line: String, subcommand: String?, arguments: String) throws {
    let invocation = try read(line)
    #expect(invocation.subcommand == subcommand)
    #expect(invocation.arguments.joined(separator: " ") == arguments)
  }

  @Test(
    "Two modes are refused",
    arguments: [
      ("--report --import x", "report and import"), ("report --part-status", "report and status"),
      ("--settle --report", "settle and report"), ("import --report", "import and report"),
    ])
  func twoModes(line: String, words: String) {
    let error = #expect(throws: Fatal.self) { try read(line) }
    #expect(error?.code == .usage)
    #expect(error?.message.contains("\(words) cannot be combined") == true, "\(line)")
  }

  @Test("The old form may go on naming what it never used; the new form may not")
  func unused() throws {
    let old = try read("--workers 4 --report --verbose --workers=5 --index x")
    #expect(old.arguments == ["--index", "x"])
    let new = try read("report --workers 4")
    #expect(new.arguments == ["--workers", "4"])
  }

  @Test("A variable of an old option goes on working, behind the command line")
  func variables() throws {
    #expect(try read("", ["CONVEYOR_TOOL_REPORT": "1"]).subcommand == "report")
    #expect(try read("", ["CONVEYOR_REPORT": "true"]).subcommand == "report")
    #expect(try read("", ["CONVEYOR_REPORT": "no"]).subcommand == nil)
    #expect(try read("--import x", ["CONVEYOR_REPORT": "1"]).subcommand == "import")
    let imports = try read("", ["CONVEYOR_TOOL_IMPORT": "a.csv"])
    #expect(imports.subcommand == "import" && imports.arguments == ["--", "a.csv"])
    let options = try #require(Self.syntax.subcommands["report"]).options
    let defaults = EnvironmentDefaults(
      of: "tool", ["--json"],
      environment: ["CONVEYOR_INDEX": "x", "CONVEYOR_TOOL_WORKERS": "4", "CONVEYOR_KEY": "k"],
      options: options, old: Self.old)
    // Those of the subcommand, and no others.
    #expect(defaults.arguments == ["--index", "x", "--json"])
    let renamed = EnvironmentDefaults(
      of: "tool", [], environment: ["CONVEYOR_TOOL_KEY": "k"], options: Self.syntax.options,
      old: Self.old)
    #expect(renamed.arguments == ["--cert-key", "k"])
  }
}

@Suite("Types of options")
struct OptionTypeTests {
  @Test(arguments: [
    ("0.5", 0.5, "500ms"), ("500ms", 0.5, "500ms"), ("90s", 90, "90s"), ("2m", 120, "2m"),
    ("6h", 21_600, "6h"), ("1d", 86_400, "1d"), ("0", 0, "0"), ("120", 120, "2m"),
  ])
  func times(_ text: String, seconds: Double, shown: String) throws {
    let time = try #require(TimeSpan(argument: text))
    #expect(time.seconds == seconds && time.defaultValueDescription == shown)
  }

  @Test(arguments: [
    ("5%", 0.05, "5%"), ("0.05", 0.05, "5%"), ("0.5%", 0.005, "0.5%"), ("100%", 1, "100%"),
    ("1", 1, "100%"), ("0%", 0, "0"),
  ])
  func shares(_ text: String, value: Double, shown: String) throws {
    let share = try #require(Share(argument: text))
    #expect(share.value == value && share.defaultValueDescription == shown)
  }

  @Test(arguments: [
    ("1048576", 1 << 20, "1M"), ("512K", 512 << 10, "512K"), ("64M", 64 << 20, "64M"),
    ("2g", 2 << 30, "2G"), ("2GiB", 2 << 30, "2G"), ("2GB", 2 << 30, "2G"), ("1T", 1 << 40, "1T"),
    ("100", 100, "100"), ("0", 0, "0"),
  ])
  func sizes(_ text: String, bytes: Int, shown: String) throws {
    let size = try #require(ByteCount(argument: text))
    #expect(size.bytes == bytes && size.defaultValueDescription == shown)
  }

  @Test func othersAreRefused() {
    for text in ["", "soon", "-1", "5x", "nan", "inf", "2y", " 1"] {
      #expect(TimeSpan(argument: text) == nil, "\(text)")
    }
    for text in ["", "%", "5", "101%", "-1%", "nan%", "5 %", "five%", "x", "inf", "1e-1"] {
      #expect(Share(argument: text) == nil, "\(text)")
    }
    for text in ["", "G", "-1", "1.5G", "9999999T", "2X"] {
      #expect(ByteCount(argument: text) == nil, "\(text)")
    }
    for text in ["", "0", "513", "-1", "auto", "1.5"] {
      #expect(WorkerCount(argument: text) == nil, "\(text)")
    }
    #expect(WorkerCount(argument: "512") == WorkerCount(512))
  }
}
