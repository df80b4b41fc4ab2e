import Common
import Foundation
import Support
import Testing

@Suite("The same command line in every tool")
struct CommandLineTests {
  /// The commands of a tool, as the words that lead to them, with their description.
  private func commands(_ tool: String) throws -> [(words: [String], help: JSON)] {
    let dumped = try run(tool, ["--experimental-dump-help"]).text
    let root = try #require(try JSON(parsing: dumped)["command"])
    let others = (root["subcommands"]?.array ?? []).compactMap { command in
      command["shouldDisplay"] == .bool(true)
        ? command["commandName"]?.string.map { ([$0], command) } : nil
    }
    return [([], root)] + others.filter { $0.0 != ["help"] }
  }

  @Test(
    "Every help fits on a screen, names its subcommands and has the exit codes",
    arguments: toolNames)
  func help(_ tool: String) throws {
    func oneLine(_ text: String) -> String {
      text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    let commands = try commands(tool)
    for (words, _) in commands {
      let help = try run(tool, words + ["--help"])
      #expect(help.code == 0)
      #expect(oneLine(help.text).contains(ToolExit.table), "\(help)")
      #expect(help.errors.isEmpty)
      // Of a terminal with 40 lines and 80 columns.
      let lines = help.text.count { $0 == "\n" }
      if tool != "portal" { #expect(lines <= 40, "\(tool) \(words) \(lines)") }
    }
    guard let last = commands.dropFirst().last?.words else { return }
    #expect(try run(tool, ["help"] + last).text == run(tool, last + ["--help"]).text)
    let root = try run(tool, ["help"]).text
    for (words, _) in commands.dropFirst() {
      #expect(root.contains("\n  \(words[0]) "), "\(tool) \(words)")
    }
  }

  @Test("Every text of help is a sentence of its own", arguments: toolNames)
  func texts(_ tool: String) throws {
    for (words, command) in try commands(tool) {
      for text in [command] + (command["arguments"]?.array ?? []) {
        guard let abstract = text["abstract"]?.string, text["kind"]?.string != "positional" else {
          continue
        }
        let sentence = abstract.split(separator: " (default:").first ?? ""
        #expect(sentence.first?.isUppercase == true, "\(tool) \(words): \(abstract)")
        #expect(sentence.last == ".", "\(tool) \(words): \(abstract)")
      }
    }
  }

  @Test("Every option is documented", arguments: toolNames)
  func documentation(_ tool: String) throws {
    let pages = try ["docs/\(tool).md", "README.md"].map {
      try String(contentsOfFile: "\(sourceTree)/\($0)", encoding: .utf8)
    }
    for (words, command) in try commands(tool) {
      for option in command["arguments"]?.array ?? [] where option["kind"]?.string != "positional" {
        let name = "--\(option["preferredName"]?["name"]?.string ?? "")"
        #expect(pages.contains { $0.contains(name) }, "\(tool) \(words) \(name)")
      }
    }
  }

  @Test("An unknown option is wrong usage", arguments: toolNames)
  func unknownOption(_ tool: String) throws {
    let wrong = try run(tool, ["--no-such-option"])
    #expect(wrong.code == ToolExit.usage.rawValue, "\(wrong)")
    #expect(wrong.output.isEmpty)
  }

  @Test("All have the options of the log", arguments: toolNames.dropLast())
  func logOptions(_ tool: String) throws {
    let help = try run(tool, ["--help-all"]).text
    for option in ["--log-file", "--log-level", "--log-format", "--verbose", "--quiet"] {
      #expect(help.contains(option))
    }
  }

  @Test("A stage that is not there is a matter of configuration")
  func noStage() throws {
    let folder = try TemporaryDirectory()
    let options = ["--stage", "nobody", "--stages-dir", folder.path]
    for (tool, more) in [
      ("fetch", ["--state", "\(folder.path)/state"]), ("upload", ["--to", "\(folder.path)/to"]),
      ("enqueue", ["--index", "\(folder.path)/index.db"]),
    ] {
      let wrong = try run(tool, options + more)
      #expect(wrong.code == ToolExit.configuration.rawValue, "\(tool): \(wrong)")
      #expect(wrong.errors.contains("nobody"))
    }
  }

  @Test("An index that is not there is said in one line")
  func noIndex() throws {
    let folder = try TemporaryDirectory()
    for (tool, arguments) in [
      ("enqueue", ["count"]), ("validate", ["report"]), ("validate", ["--settle"]),
    ] {
      let wrong = try run(tool, arguments + ["--index", "sqlite:\(folder.path)/none.db"])
      #expect(
        [ToolExit.unavailable, .configuration].map(\.rawValue).contains(wrong.code), "\(wrong)")
      #expect(wrong.errors.split(separator: "\n").count == 1, "\(wrong)")
      // Looking makes no file.
      #expect(Files.all(in: folder.path) == [])
    }
  }

  @Test(
    "An answer that cannot be written is an error",
    arguments: [
      "enqueue count", "enqueue status --json", "fetch pipeline", "optimize status",
      "validate report", "validate mismatches", "conveyor-driver doctor --no-network",
      "conveyor-driver options", "conveyor-driver version",
    ])
  func fullOutput(_ command: String) throws {
    let folder = try TemporaryDirectory()
    let index = "\(folder.path)/index.db"
    #expect(try run("enqueue", ["init", "--index", index]).code == 0)
    let words = command.split(separator: " ").map(String.init)
    let end = try run(
      "/bin/sh", ["-c", "exec \"$@\" >/dev/full", "sh", toolPath(words[0])] + words.dropFirst(),
      environment: [
        "CONVEYOR_INDEX": index, "CONVEYOR_STATE": folder.path,
        "CONVEYOR_STAGE": "\(sourceTree)/stages/stage-0-test.yaml",
        "CONVEYOR_PORTALS_DIR": "\(sourceTree)/portals",
      ])
    #expect(end.code == ToolExit.inputOutput.rawValue, "\(end)")
    #expect(end.errors.contains("No space left on device"), "\(end)")
  }

  @Test("No input is no failure", arguments: ["fetch", "optimize", "upload", "validate"])
  func noInput(_ tool: String) throws {
    let folder = try TemporaryDirectory()
    let end = try run(tool, Hostile.arguments(tool, in: folder.path), directory: folder.path)
    #expect(end.code == 0, "\(end)")
    #expect(end.output.isEmpty)
  }

  @Test(
    "Input that is nothing like records", arguments: ["fetch", "optimize", "upload", "validate"])
  func notRecords(_ tool: String) throws {
    let folder = try TemporaryDirectory()
    let end = try run(
      tool, Hostile.arguments(tool, in: folder.path), lines: ["<html>", "<body>", "</html>"],
      directory: folder.path)
    #expect(end.code == ToolExit.notRecords.rawValue, "\(end)")
    #expect(end.lines.count == 3)
  }

  @Test("The environment speaks where the command line is silent")
  func environment() throws {
    let folder = try TemporaryDirectory()
    let index = "\(folder.path)/index.db"
    let rows = (1...9).map { "DuProcess,300,\($0),DEED" }
    let added = try run(
      "enqueue", ["import", "-", "--index", index, "--format", "csv"],
      lines: ["source,book,page,instrument_type_parsed"] + rows)
    #expect(added.code == 0, "\(added)")
    let environment = ["CONVEYOR_INDEX": index, "CONVEYOR_LIMIT": "4", "CONVEYOR_DRY_RUN": "yes"]
    #expect(try run("enqueue", [], environment: environment).lines.count == 4)
    let overridden = try run("enqueue", ["--limit=6"], environment: environment)
    #expect(overridden.lines.count == 6)
    let typo = ["CONVEYOR_LIMIT": "x", "CONVEYOR_INDEX": index]
    let wrong = try run("enqueue", [], environment: typo)
    #expect(wrong.code == ToolExit.usage.rawValue, "\(wrong)")
  }
}
