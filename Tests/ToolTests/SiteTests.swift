import Common
import Foundation
import Support
import Testing

/// What the driver does for all commands: settings of a site, versions, new sites.
@Suite("conveyor, at a site of one's own")
struct SiteTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func conveyor(
    _ arguments: String..., environment: [String: String] = [:], directory: String? = nil
  ) throws -> Finished {
    let own = [
      "CONVEYOR_BIN": builtTools, "XDG_CONFIG_HOME": "\(folder.path)/config",
      "XDG_STATE_HOME": folder.path,
    ]
    return try run(
      "\(sourceTree)/bin/conveyor", arguments, environment: own.merging(environment) { $1 },
      directory: directory ?? folder.path)
  }

  private func write(_ text: String, to name: String) throws {
    let path = "\(folder.path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path,
      withIntermediateDirectories: true)
    try folder.write(text, to: name)
  }

  @Test("A new site is found, checked and run without an option")
  func newSite() throws {
    let portal = try SamplePortal(in: folder.path, ["--documents", "12"])
    let made = try conveyor("init", "county", "--portal-base", portal.base)
    #expect(made.code == 0 && made.errors.contains("conveyor doctor"), "\(made)")
    let again = try conveyor("init", "county")
    #expect(again.code == ToolExit.configuration.rawValue, "\(again)")
    let rows = try conveyor("portal", "--documents", "12", "--print-index", "csv")
    try folder.write(rows.output, to: "deeds.csv")
    let imported = try conveyor("enqueue", "import", "deeds.csv")
    #expect(imported.code == 0, "\(imported)")
    let doctor = try conveyor("doctor", "--no-network")
    #expect(doctor.code == 0 && !doctor.text.contains("MISSING"), "\(doctor)")
    #expect(doctor.text.contains("\(folder.path)/conveyor.env, 3 settings"), "\(doctor)")
    #expect(doctor.text.contains("ok       stages: county stage-0-test"), "\(doctor)")
    // The settings hold for every command: report has no option.
    let report = try conveyor("report", "--json")
    #expect(report.code == 0 && report.text.contains("\"pending\":12"), "\(report)")
    // The shipped portal file comes to the sample's address; the stage is the site's.
    try FileManager.default.removeItem(atPath: "\(folder.path)/portals/county.yaml")
    try FileManager.default.copyItem(
      atPath: "\(sourceTree)/portals/mid.yaml", toPath: "\(folder.path)/portals/county.yaml")
    let run = try conveyor(
      "run", "--portal-base", portal.base, "--rate-limit-delay", "0", "--no-optimize", "--books",
      "238-3971",
      "--limit", "3", "--no-wait", "--yes")
    #expect(
      run.code == 0 && run.errors.contains("enqueue → fetch → upload → validate, into archive"),
      "\(run)")
    #expect(Files.all(in: "\(folder.path)/archive").count == 3)
  }

  @Test("The first file of settings that is there counts; one that was named comes before it")
  func whichFile() throws {
    try write("CONVEYOR_INDEX=sqlite:user.db\n", to: "config/conveyor/conveyor.env")
    try folder.write("CONVEYOR_INDEX=sqlite:named.db\n", to: "named.env")
    #expect(try conveyor("report").errors.contains("user.db"))
    #expect(try conveyor("--config", "named.env", "report").errors.contains("named.db"))
    #expect(
      try conveyor("run", "--config", "named.env", "--stage", "stage-0-test", "--to", "t").errors
        .contains("named.db"))
    #expect(
      try conveyor("run", "--stage", "stage-0-test", "--to", "t", "--config=named.env").errors
        .contains("named.db"))
    #expect(
      try conveyor("report", environment: ["CONVEYOR_INDEX": "sqlite:own.db"]).errors.contains(
        "own.db"))
    #expect(try conveyor("report", "--index", "sqlite:option.db").errors.contains("option.db"))
    let none = try conveyor("doctor", "--no-network", environment: ["CONVEYOR_CONFIG": ""])
    #expect(none.text.contains("no conveyor.env here"), "\(none)")
    let wrong = try conveyor("--config", "nowhere.env", "report")
    #expect(
      wrong.code == ToolExit.configuration.rawValue && wrong.errors.contains("nowhere.env"),
      "\(wrong)")
    try folder.write("CONVEYOR_INDEX=sqlite:here.db\n", to: "conveyor.env")
    #expect(try conveyor("report").errors.contains("here.db"))
    try folder.write("CONVEYOR_TO=$HOME/secret\n", to: "conveyor.env")
    let refused = try conveyor("fetch", "--version")
    #expect(refused.code == ToolExit.configuration.rawValue, "\(refused)")
    #expect(
      refused.errors.contains("conveyor.env, line 1") && !refused.errors.contains("secret"),
      "\(refused)")
  }

  @Test(
    "Stage and portal files of the user come before those that were delivered, and may extend them")
  func folders() throws {
    try write(
      "extends: stage-0-test\ndescription: mine\nlimit: 7\n",
      to: "config/conveyor/stages/stage-0-test.yaml")
    try write("x: 1\n", to: "config/conveyor/portals/broken.yaml")
    let said = try conveyor("completions", "stages")
    #expect(said.lines.filter { $0 == "stage-0-test" }.count == 1, "\(said)")
    #expect(said.lines.contains("stage-mid-filtered") && !said.lines.contains("common"), "\(said)")
    let doctor = try conveyor("doctor", "--no-network", "--stage", "stage-0-test")
    #expect(doctor.text.contains("ok       portals of stage-0-test"), "\(doctor)")
    let portals = try conveyor("portal-test", "broken")
    #expect(portals.code == ToolExit.configuration.rawValue, "\(portals)")
    #expect(portals.errors.contains("config/conveyor/portals/broken.yaml"), "\(portals)")
    #expect(try conveyor("completions", "portals").lines == ["broken", "historical", "mid"])
  }

  @Test("A plugin, and what it starts, has the same settings, wherever it is")
  func plugin() throws {
    try folder.write("CONVEYOR_STAGE=a\nPORTAL_PASSWORD='b c'\n", to: "conveyor.env")
    try folder.write(
      "#!/bin/sh\ncd /; echo \"$CONVEYOR_STAGE,$PORTAL_PASSWORD,$CONVEYOR_CONFIG,$1\"\n",
      to: "conveyor-tell")
    chmod("\(folder.path)/conveyor-tell", 0o755)
    let said = try conveyor("tell", "--help", environment: ["CONVEYOR_PLUGIN_PATH": folder.path])
    #expect(said.lines == ["a,b c,\(folder.path)/conveyor.env,--help"], "\(said)")
  }

  @Test("The doctor names variables that nothing reads, with what was meant")
  func unknownVariables() throws {
    let said = try conveyor("doctor", "--no-network", environment: ["CONVEYOR_FETCH_WORKRES": "5"])
    #expect(said.code == ToolExit.configuration.rawValue, "\(said)")
    #expect(
      said.text.contains(
        "CONVEYOR_FETCH_WORKRES is set, and nothing reads it. Did you mean CONVEYOR_FETCH_WORKERS?"),
      "\(said)")
    let good = try conveyor(
      "doctor", "--no-network",
      environment: [
        "CONVEYOR_UPLOAD_RETRIES": "3", "CONVEYOR_QUIET": "1", "CONVEYOR_FETCH_CONTACT": "x",
      ])
    #expect(!good.text.contains("nothing reads it"), "\(good)")
  }

  @Test("Every program says its version and its libraries", arguments: toolNames)
  func version(_ tool: String) throws {
    let said = try run(tool, ["--version"])
    #expect(said.code == 0 && said.errors.isEmpty, "\(said)")
    #expect(
      said.lines.count == 2 && said.lines[0].hasPrefix("\(tool) \(Version.number)"), "\(said)")
    #expect(said.lines[1].contains("zlib "), "\(said)")
  }

  @Test("conveyor --version has the libraries of all of them")
  func allVersions() throws {
    let said = try conveyor("--version")
    #expect(said.code == 0 && said.lines.count == 2, "\(said)")
    for library in [
      "libcurl", "libpq", "SQLite", "qpdf", "OpenSSL", "leptonica", "libmicrohttpd", "PCRE2",
    ] {
      #expect(
        said.text.range(of: "\(library) [0-9]+[.][0-9]+", options: .regularExpression) != nil,
        "\(library) in \(said)")
    }
  }

  @Test("Manual pages without a warning, and scripts that their shells can read")
  func pages() throws {
    #expect(mkdir("\(folder.path)/man", 0o755) == 0)
    let made = try conveyor("manual", "--date", "2026-01-02", "man")
    #expect(made.code == 0, "\(made)")
    let pages = Files.all(in: "\(folder.path)/man")
    for name in ["conveyor.1", "conveyor-run.1", "conveyor-init.1", "conveyor.env.5"]
      + toolNames.map({ "conveyor-\($0).1" })
    {
      #expect(pages.contains(name), "\(name)")
    }
    let fetch = try String(contentsOfFile: "\(folder.path)/man/conveyor-fetch.1", encoding: .utf8)
    #expect(fetch.contains(".SS conveyor fetch portal\\-test"), "\(fetch.prefix(2000))")
    let scripts = ["bash": "bash -n", "zsh": "test -s", "fish": "test -s"]
    for (shell, check) in scripts {
      let script = try conveyor("completions", shell)
      #expect(script.code == 0, "\(script)")
      try folder.write(script.output, to: shell)
      #expect(try run("/bin/sh", ["-c", "\(check) \(folder.path)/\(shell)"]).code == 0)
    }
    // As bash calls it.
    let asked = """
      source \(folder.path)/bash
      ask() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _conveyor; echo "${COMPREPLY[@]}"; }
      ask conveyor repo; ask conveyor run --rate-limit-d; ask conveyor help opt; ask conveyor fetch port
      ask conveyor limiter pau; ask conveyor fetch limiter resu; ask conveyor optimize --engine im; ask conveyor run --engine gho
      """
    let said = try run("/bin/bash", ["-c", asked])
    #expect(
      said.lines == [
        "report", "--rate-limit-delay", "optimize", "portal-test", "pause", "resume", "images",
        "ghostscript",
      ], "\(said)")
  }
}
