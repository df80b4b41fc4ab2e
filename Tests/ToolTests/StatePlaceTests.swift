import Common
import Foundation
import Index
import Support
import Testing

/// Where state is when nobody names it, and whose it is when somebody does.
@Suite("The place of the state", .serialized)
struct StatePlaceTests {
  /// What `enqueue --print-state` says: the folder and the limiter.
  private func place(
    _ index: String, _ options: [String] = [], in folder: String, environment: [String: String]
  ) throws -> (end: Finished, lines: [String]) {
    let end = try run(
      "enqueue", ["paths", "--index", index] + options, environment: environment,
      directory: folder)
    return (end, end.lines)
  }

  @Test("One limiter for a user, one folder for an index, from whatever folder a shell is in")
  func onePlace() throws {
    let folder = try TemporaryDirectory()
    let home = folder.path
    for name in ["a", "b"] { #expect(mkdir("\(home)/\(name)", 0o700) == 0) }
    let environment = ["HOME": home]
    let first = try place("../a/index.db", in: "\(home)/b", environment: environment).lines
    let again = try place("index.db", in: "\(home)/a", environment: environment).lines
    let other = try place("index.db", in: "\(home)/b", environment: environment).lines
    #expect(
      first.count == 2 && first[1] == "\(home)/.local/state/conveyor/limiter.sqlite", "\(first)")
    #expect(first[0].hasPrefix("\(home)/.local/state/conveyor/index.db-"))
    #expect(other[1] == first[1] && other[0] != again[0])
    _ = try run("enqueue", ["init", "--index", "index.db"], directory: "\(home)/a")
    // Once the file is there, links and dots lead to the same folder.
    let spelled = try [
      "index.db", "./index.db", "sqlite:index.db", "sqlite:\(home)/a/index.db", "../a/index.db",
    ]
    .map { try place($0, in: "\(home)/a", environment: environment).lines }
    #expect(Set(spelled).count == 1, "\(spelled)")
    let xdg = try place(
      "index.db", in: "\(home)/a", environment: ["HOME": home, "XDG_STATE_HOME": "/var/x"])
    #expect(xdg.lines.last == "/var/x/conveyor/limiter.sqlite")
    let relative = try place(
      "index.db", in: "\(home)/a", environment: ["HOME": home, "XDG_STATE_HOME": "x"])
    #expect(relative.lines == spelled[0])
  }

  @Test("Without a home it is said that a folder has to be named, and one that is named is enough")
  func noHome() throws {
    let folder = try TemporaryDirectory()
    for home in ["", "relative"] {
      let end = try place("index.db", in: folder.path, environment: ["HOME": home]).end
      #expect(
        end.code == ToolExit.configuration.rawValue && end.errors.contains("--state"), "\(end)")
    }
    let named = try place(
      "index.db", ["--state", "x"], in: folder.path, environment: ["HOME": ""])
    #expect(named.lines == ["x", "x/limiter.sqlite"])
    let fetch = try run(
      "fetch", [], lines: [], environment: ["HOME": ""], directory: folder.path)
    #expect(
      fetch.code == ToolExit.configuration.rawValue && fetch.errors.contains("--state"), "\(fetch)")
  }

  @Test("The folder of an earlier version goes on to be used, with the limiter of all")
  func earlierVersion() throws {
    let folder = try TemporaryDirectory()
    #expect(mkdir("\(folder.path)/state", 0o700) == 0)
    try folder.write("", to: "state/checkpoint.sqlite")
    let (end, lines) = try place("index.db", in: folder.path, environment: ["HOME": folder.path])
    #expect(lines == ["state", "\(folder.path)/.local/state/conveyor/limiter.sqlite"])
    #expect(end.errors.contains("./state"), "\(end)")
  }

  @Test("A run without --state says where its state is, and two runs share one budget")
  func driver() throws {
    let home = try TemporaryDirectory()
    let pipelines = try (0..<2).map { _ in
      try PipelineRun(documents: 10, ["--document-size", "3000"])
    }
    let environment = ["HOME": home.path, "XDG_STATE_HOME": ""]
    let limiter = "\(home.path)/.local/state/conveyor/limiter.sqlite"
    for pipeline in pipelines {
      let end = try pipeline.finishWithoutState(environment: environment)
      #expect(end.code == 0, "\(end)")
      #expect(end.errors.contains("state: \(home.path)/.local/state/conveyor/index.db-"), "\(end)")
      #expect(!FileManager.default.fileExists(atPath: "\(pipeline.folder.path)/state"))
    }
    let hosts = try run("/usr/bin/sqlite3", [limiter, "SELECT count(*) FROM hosts"])
    #expect(hosts.lines == ["2"], "\(hosts)")
  }

  @Test("The limiter of all has a folder, also where an earlier version's ./state is used")
  func besideAnEarlierVersion() throws {
    let home = try TemporaryDirectory()
    let pipeline = try PipelineRun(documents: 4, ["--document-size", "3000"])
    #expect(mkdir(pipeline.folder.path + "/state", 0o700) == 0)
    try pipeline.folder.write("", to: "state/checkpoint.sqlite")
    let end = try pipeline.finishWithoutState(
      environment: ["HOME": home.path, "XDG_STATE_HOME": ""])
    #expect(end.code == 0 && end.errors.contains("./state"), "\(end)")
    let limiter = "\(home.path)/.local/state/conveyor/limiter.sqlite"
    #expect(FileManager.default.fileExists(atPath: limiter))
  }

  @Test("A state folder of another index is refused, with what to do; a moved or copied one is not")
  func owner() throws {
    let one = try PipelineRun(documents: 4, ["--document-size", "3000"])
    let other = try PipelineRun(documents: 4, ["--document-size", "3000", "--seed", "9"])
    #expect(try one.finish().code == 0)
    let requests = other.portal.requests.count
    let refused = try other.start(state: one.state).wait()
    #expect(refused.code == ToolExit.configuration.rawValue, "\(refused)")
    #expect(refused.errors.contains("belongs to the index") && refused.errors.contains("--state"))
    #expect(other.portal.requests.count == requests)
    #expect(try other.counts().pending == 4)
    // A hand-made pipeline is refused, too, where enqueue is told.
    let claim = try run(
      "enqueue", ["--index", other.indexURL, "--no-wait", "--state", one.state])
    #expect(claim.code == ToolExit.configuration.rawValue && claim.output.isEmpty, "\(claim)")
    // Its own index, however it is spelled, and the folder moved or copied.
    let manager = FileManager.default
    try manager.copyItem(atPath: one.state, toPath: "\(other.folder.path)/copy")
    let copied = try other.start(state: "\(other.folder.path)/copy").wait()
    #expect(copied.code == 0, "\(copied)")
    #expect(try other.counts().completed == 4)
    #expect(try one.finish().code == 0)
  }

  @Test(
    "An empty name is no folder and no file: a variable of a shell that is not set",
    arguments: [
      ("enqueue", ["--index", "index.db", "--state", ""], "--state"),
      ("enqueue", ["paths", "--index", "index.db", "--state="], "--state"),
      ("fetch", ["--portal", "mid", "--spool", ""], "--spool"),
      ("optimize", ["--output-dir", ""], "--output-dir"),
      ("upload", ["--to", "bucket", "--state="], "--state"),
      ("validate", ["--summary", ""], "--summary"),
      ("validate", ["report", "--index", "index.db", "--csv="], "--csv"),
      ("fetch", ["--log-file", ""], "--log-file"),
    ])
  func emptyNames(_ tool: String, _ options: [String], _ option: String) throws {
    let folder = try TemporaryDirectory()
    let end = try run(tool, options, input: [], directory: folder.path)
    #expect(end.code == ToolExit.usage.rawValue, "\(end)")
    #expect(end.errors.contains("\(option) must be a path; it is empty"), "\(end)")
    #expect(Files.all(in: folder.path).isEmpty)
  }
}
