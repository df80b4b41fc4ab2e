import Common
import Foundation
import Index
import Support
import Testing

@Suite("Programs of others on the pipeline")
struct PluginTests {
  private static let plugins = "\(sourceTree)/examples/plugin"

  @Test func aPluginTakesItsPlaceInThePipeline() throws {
    let pipeline = try PipelineRun(
      documents: 8, ["--document-size", "3000", "--absent", "0.2"],
      pipeline: ["fetch", "optimize", "stamp", "upload"])
    let environment = ["CONVEYOR_PLUGIN_PATH": "/nowhere:\(Self.plugins)"]
    let end = try pipeline.finish(environment: environment)
    let counts = try pipeline.counts()
    #expect(counts.completed + counts.failed + counts.absent == 8, "\(end)")
    #expect(counts.completed > 0)
    try pipeline.checkCompleted()
  }

  /// The first cause ends the run, and what it had is given back: not after minutes, and not in silence.
  @Test(arguments: [["--no-wait"], []])
  func aToolThatEndsForGoodEndsTheRun(options: [String]) throws {
    let pipeline = try PipelineRun(documents: 12, pipeline: ["fetch", "bad", "upload"])
    try pipeline.folder.write("#!/bin/sh\nread -r line\nexit 70\n", to: "conveyor-bad")
    chmod("\(pipeline.folder.path)/conveyor-bad", 0o755)
    let began = Date()
    let end = try pipeline.finish(
      options, environment: ["CONVEYOR_PLUGIN_PATH": pipeline.folder.path])
    #expect(end.code == 70, "\(end)")
    #expect(Date().timeIntervalSince(began) < 60)
    let counts = try pipeline.counts()
    #expect(counts.inProgress == 0)
    #expect(counts.pending == 12)
    #expect(
      try pipeline.rows("SELECT COUNT(*) FROM index_documents WHERE download_attempts > 0") == [
        ["0"]
      ])
  }

  @Test func aPluginThatIsMissingIsNamedBeforeAnythingBegins() throws {
    let pipeline = try PipelineRun(documents: 3, pipeline: ["fetch", "nosuchtool", "upload"])
    let end = try pipeline.finish()
    #expect(end.code == ToolExit.configuration.rawValue, "\(end)")
    #expect(end.errors.contains("conveyor-nosuchtool"))
    #expect(pipeline.portal.requests.isEmpty)
  }

  @Test func theDriverRunsToolsAndPluginsByName() throws {
    let environment = ["CONVEYOR_BIN": builtTools, "CONVEYOR_PLUGIN_PATH": Self.plugins]
    let driver = "\(sourceTree)/bin/conveyor"
    let help = try run(driver, ["optimize", "--help"], environment: environment)
    #expect(help.text.contains("USAGE: optimize"))
    let stamped = try run(
      driver, ["stamp"],
      lines: [
        #"{"id":"1","optimize":{"pages":3},"n":12345678901234567890}"#,
        #"{"id":"2","error":{"class":"absent"}}"#,
      ],
      environment: environment)
    #expect(stamped.code == 0, "\(stamped)")
    #expect(try stamped.records.first?["stamp"]?["pages"] == .int(3))
    #expect(try stamped.records.first?["n"]?.text == "12345678901234567890")
    #expect(stamped.lines.last == #"{"id":"2","error":{"class":"absent"}}"#)
    let unknown = try run(driver, ["nosuchtool"], environment: environment)
    #expect(unknown.code == ToolExit.configuration.rawValue, "\(unknown)")
  }
}

@Suite("The driver")
struct DriverTests {
  private let folder: TemporaryDirectory
  private let driver = "\(sourceTree)/bin/conveyor"
  private let environment = ["CONVEYOR_BIN": builtTools]

  init() throws { folder = try TemporaryDirectory() }

  private func conveyor(_ arguments: String...) throws -> Finished { try conveyor(arguments) }

  private func conveyor(_ arguments: [String]) throws -> Finished {
    try run(driver, arguments, environment: environment, directory: folder.path)
  }

  @Test func helpSaysWhatThereIs() throws {
    for arguments in [[], ["help"], ["--help"], ["run", "--help"]] {
      let help = try run(driver, arguments, environment: environment)
      #expect(help.code == 0)
      #expect(help.text.contains("usage: conveyor"))
    }
  }

  @Test func whatIsMissingIsAskedFor() throws {
    #expect(try conveyor("run", "--no-such-option", "x").code == ToolExit.usage.rawValue)
    let noStage = try conveyor("run")
    #expect(noStage.code == ToolExit.usage.rawValue)
    #expect(noStage.errors.contains("stage-mid-filtered"), "\(noStage)")
    let noIndex = try conveyor("run", "--stage", "stage-0-test")
    #expect(noIndex.errors.contains("CONVEYOR_INDEX"), "\(noIndex)")
    let wrongIndex = try conveyor(
      "run", "--stage", "stage-0-test", "--index", "none.db", "--to", "bucket",
      "--portal-base", "http://127.0.0.1:1/")
    #expect(wrongIndex.code != 0)
    #expect(Files.all(in: folder.path) == [], "\(wrongIndex)")
  }

  @Test func theDoctorTellsWhatIsThere() throws {
    let added = try run(
      "enqueue", ["import", "-", "--index", "\(folder.path)/index.db", "--format", "csv"],
      lines: ["source,book,page", "DuProcess,300,1"])
    #expect(added.code == 0, "\(added)")
    let portal = try SamplePortal(in: folder.path, ["--documents", "5"])
    let settings = ["doctor", "--stage", "stage-0-test", "--index", "index.db", "--to", "bucket"]
    let well = try conveyor(settings + ["--portal-base", portal.base + "/"])
    #expect(well.code == 0, "\(well)")
    #expect(!well.text.contains("MISSING"))
    for word in ["fetch", "Ghostscript", "index", "destination", "pipeline", "answers 200"] {
      #expect(well.text.contains(word), "\(well)")
    }
    // The page at which both portals look up, once, and no document.
    #expect(portal.requests.count == 1 && portal.scansSent.isEmpty, "\(portal.requests)")
    let wrong = try conveyor(settings + ["--portal-base", portal.base + "/moved/"])
    #expect(wrong.code == ToolExit.unavailable.rawValue && wrong.text.contains("--portal-base"))
    let away = settings + ["--portal-base", "http://127.0.0.1:1/"]
    let gone = try conveyor(away)
    #expect(gone.code == ToolExit.unavailable.rawValue && gone.text.contains("does not answer"))
    #expect(try conveyor(away + ["--no-network"]).code == 0)
    let ill = try conveyor(
      "doctor", "--stage", "nobody", "--index", "none.db", "--to", "index.db/bucket")
    #expect(ill.code != 0)
    #expect(ill.lines.filter { $0.hasPrefix("MISSING") }.count == 3, "\(ill)")
  }

  @Test func helpNamesACommand() throws {
    let run = try conveyor("help", "run")
    #expect(run.code == 0 && run.text.contains("--upload-workers"), "\(run)")
    #expect(run.output == (try conveyor("run", "--stage", "x", "--help")).output)
    #expect(try conveyor("help", "doctor").text.contains("--no-network"))
    #expect(try conveyor("help", "fetch").text.contains("USAGE: fetch"))
    #expect(try conveyor("help", "demo").text.contains("--clean"))
    let typo = try conveyor("run", "--wokers", "5")
    #expect(typo.code == ToolExit.usage.rawValue && typo.errors.contains("--workers?"), "\(typo)")
    #expect(try conveyor("docter").errors.contains("did you mean doctor?"))
  }

  /// Anyone can read it: it is short, and what it runs stands in arrays.
  @Test func theScriptIsShortAndEvaluatesNothing() throws {
    let lines = Files.lines(driver)
    #expect(lines.count <= 200)
    #expect(!lines.contains { $0.split { !$0.isLetter }.contains("eval") })
  }

  @Test func theDemoRunsFromAnInstalledCopy() throws {
    let prefix = "\(folder.path)/usr"
    let share = "\(prefix)/share/conveyor"
    let manager = FileManager.default
    for path in ["bin", "libexec/conveyor", "share/conveyor/examples"] {
      try manager.createDirectory(
        atPath: "\(prefix)/\(path)", withIntermediateDirectories: true)
    }
    for (from, to) in [
      ("bin/conveyor", "\(prefix)/bin/conveyor"), ("examples/demo", "\(share)/examples/demo"),
      ("stages", "\(share)/stages"), ("portals", "\(share)/portals"),
    ] { try manager.copyItem(atPath: "\(sourceTree)/\(from)", toPath: to) }
    for tool in toolNames + ["conveyor-driver"] {
      try manager.createSymbolicLink(
        atPath: "\(prefix)/libexec/conveyor/\(tool)", withDestinationPath: toolPath(tool))
    }
    let demo = ["demo", "--dir", "trial", "--documents", "12", "--delay", "0.01"]
    let end = try Program(
      "\(prefix)/bin/conveyor", demo + ["--progress", "never"], directory: folder.path
    ).wait()
    #expect(end.code == 0 && end.text.contains("PDFs are in"), "\(end)")
    #expect(!Files.all(in: "\(folder.path)/trial/bucket").isEmpty)
    let clean = try run(
      "\(prefix)/bin/conveyor", ["demo", "--dir", "trial", "--clean"], directory: folder.path)
    #expect(clean.code == 0 && !manager.fileExists(atPath: "\(folder.path)/trial"))
    // What the demo did not make, it does not remove.
    let refused = try run(
      "\(prefix)/bin/conveyor", ["demo", "--dir", "usr", "--clean"], directory: folder.path)
    #expect(refused.code == ToolExit.usage.rawValue && manager.fileExists(atPath: prefix))
  }

  /// What the demo marks as its own is removed by --clean, with all that is in it.
  @Test func theDemoLeavesFoldersOfOthersAlone() throws {
    #expect(mkdir("\(folder.path)/home", 0o700) == 0)
    try folder.write("precious", to: "home/letter")
    let refused = try conveyor("demo", "--dir", "home", "--documents", "2")
    #expect(refused.code == ToolExit.usage.rawValue, "\(refused)")
    #expect(refused.errors.contains("not empty"), "\(refused)")
    _ = try conveyor("demo", "--dir", "home", "--clean")
    #expect(Files.all(in: "\(folder.path)/home") == ["letter"])
  }

  @Test func theValidatorThatUsersKnowReports() throws {
    let index = "\(folder.path)/index.db"
    _ = try run("enqueue", ["--index", index, "--init"])
    for options in [["--report"], []] {
      let end = try run(
        "\(sourceTree)/download_validator", options,
        environment: environment.merging(["CONVEYOR_INDEX": index]) { $1 },
        directory: folder.path)
      #expect(end.code == 0 && end.text.contains("Documents"), "\(end)")
    }
  }

  @Test func theScriptThatUsersKnowRunsItsStage() throws {
    let end = try run(
      "\(sourceTree)/download_mid_filtered_documents.sh", ["--dry-run"],
      environment: environment.merging([
        "CONVEYOR_INDEX": "\(folder.path)/none.db", "CONVEYOR_TO": "\(folder.path)/bucket",
        "CONVEYOR_PORTAL_BASE": "http://127.0.0.1:1/",
      ]) { $1 },
      directory: folder.path)
    #expect(end.code != 0)
    #expect(end.errors.contains("none.db"), "\(end)")
  }
}
