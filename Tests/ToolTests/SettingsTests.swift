import Common
import Foundation
import Support
import Testing

@testable import CLI

/// Found by `CONVEYOR_KEY`, which was fetch's client key and upload's key template, so that every
/// object got the path of a PEM file for its key.
@Suite("A setting has one meaning")
struct SettingsTests {
  private static let tools = toolNames.dropLast()

  private struct Option: Hashable, CustomStringConvertible {
    let tool: String
    let name: String
    /// What it takes, what it says and what it is without a word: all but whether it has to be given.
    let meaning: String
    var description: String { "\(tool) --\(name): \(meaning)" }
  }

  /// Of the tools and of their subcommands.
  private func options() throws -> [Option] {
    try Self.tools.flatMap { tool -> [Option] in
      let help = try JSON(parsing: try run(tool, ["--experimental-dump-help"]).text)
      let root = try #require(help["command"])
      let commands = [root] + (root["subcommands"]?.array ?? [])
      return commands.flatMap { $0["arguments"]?.array ?? [] }.compactMap { option in
        guard let name = option["preferredName"]?["name"]?.string, name != "help" else {
          return nil
        }
        let members = [
          "kind", "names", "valueName", "isRepeating", "allValues", "defaultValue", "abstract",
        ]
        let meaning = members.map { option[$0]?.description ?? "" }
        return Option(tool: tool, name: name, meaning: meaning.joined(separator: " "))
      }
    }
  }

  @Test("One variable has one meaning: one type, one text, one default")
  func oneMeaning() throws {
    let options = try options()
    for (name, same) in Dictionary(grouping: options, by: \.name) {
      for (tool, own) in Dictionary(grouping: same, by: \.tool) {
        #expect(Set(own).count == 1, "\(EnvironmentDefaults.variable(name, of: tool)): \(own)")
      }
      let tools = Set(same.map(\.tool))
      guard tools.count > 1 else { continue }
      // A name of several tools is in one of the two lists: somebody decided what it means.
      let isShared = EnvironmentDefaults.shared.contains(name)
      #expect(isShared != EnvironmentDefaults.perTool.contains(name), "--\(name) of \(tools)")
      if isShared { #expect(Set(same.map(\.meaning)).count == 1, "\(same)") }
    }
    // No variable of one tool is also that of an option of all.
    let own = options.map { EnvironmentDefaults.variable($0.name, of: $0.tool) }
    let bare = options.map { EnvironmentDefaults.variable($0.name) }
    #expect(Set(own).isDisjoint(with: bare))
  }

  @Test("A tool's own variable is read; a bare one only where it means the same everywhere")
  func variables() throws {
    let folder = try TemporaryDirectory()
    try folder.write("document", to: "a.pdf")
    func upload(_ environment: [String: String], _ more: [String] = []) throws -> Finished {
      try run(
        "upload", ["--from-list", "--to", "\(folder.path)/to", "--dry-run"] + more,
        lines: ["a.pdf"],
        environment: environment, directory: folder.path)
    }
    let bare = try upload(["CONVEYOR_KEY": "/etc/client.pem", "CONVEYOR_WORKERS": "nonsense"])
    #expect(bare.code == 0, "\(bare)")
    #expect(!bare.text.contains("client.pem"), "\(bare)")
    #expect(bare.errors.contains("CONVEYOR_KEY is not read"), "\(bare)")
    #expect(bare.errors.contains("Set CONVEYOR_UPLOAD_WORKERS"), "\(bare)")
    for variable in [
      "CONVEYOR_UPLOAD_KEY_TEMPLATE", "CONVEYOR_UPLOAD_KEY", "CONVEYOR_KEY_TEMPLATE",
    ] {
      let own = try upload([variable: "x-{id}"])
      #expect(own.text.contains("/to/x-a.pdf"), "\(own)")
      #expect(own.errors.isEmpty, "\(own)")
    }
    let over = try upload(["CONVEYOR_UPLOAD_KEY": "x-{id}"], ["--key", "y-{id}"])
    #expect(over.text.contains("/to/y-a.pdf"), "\(over)")
    // The key of a client certificate, under its old name and its new one, is fetch's alone.
    for variable in ["CONVEYOR_FETCH_KEY", "CONVEYOR_CERT_KEY", "CONVEYOR_FETCH_CERT_KEY"] {
      let other = try upload([variable: "/etc/client.pem"])
      #expect(other.text.contains("/to/a.pdf") && other.errors.isEmpty, "\(other)")
    }
    // A dry run of everything is no wrong usage of those that cannot do else.
    for (tool, words) in [("validate", []), ("validate", ["files", "."]), ("fetch", ["status"])] {
      let end = try run(
        tool, words, environment: ["CONVEYOR_DRY_RUN": "1"], directory: folder.path)
      #expect(end.code != ToolExit.usage.rawValue, "\(end)")
    }
    // Of one tool, and documented: goes on as before.
    let wrong = try run("fetch", [], environment: ["CONVEYOR_RATE_LIMIT_DELAY": "soon"])
    #expect(wrong.code == ToolExit.usage.rawValue, "\(wrong)")
    let other = try run("fetch", [], environment: ["CONVEYOR_FETCH_RATE_LIMIT_DELAY": "soon"])
    #expect(other.code == ToolExit.usage.rawValue, "\(other)")
    #expect(other.errors.contains(TimeSpan.form), "\(other)")
  }

  @Test("No error type is shown as Swift prints a value")
  func errorsHaveWords() throws {
    let declaration = try Regex(
      #"^ *(public |package )?(?:struct|enum) (\w+): ([^{]*\bError\b[^{]*)"#
    )
    .anchorsMatchLineEndings()
    var sources = ""
    let walk = FileManager.default.enumerator(atPath: "\(sourceTree)/Sources")
    while let path = walk?.nextObject() as? String {
      guard path.hasSuffix(".swift") else { continue }
      sources += try String(contentsOfFile: "\(sourceTree)/Sources/\(path)", encoding: .utf8) + "\n"
    }
    let found = sources.matches(of: declaration)
    #expect(found.count > 8)
    for match in found {
      let name = String(match.output[2].substring ?? "")
      let conforms = String(match.output[3].substring ?? "").contains("CustomStringConvertible")
      #expect(conforms || sources.contains("extension \(name): CustomStringConvertible"), "\(name)")
    }
  }
}
