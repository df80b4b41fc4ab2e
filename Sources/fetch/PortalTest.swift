import Files
import ArgumentParser
import CLI
import Common
import Config
import Glibc
import Limiter
import Logging

/// `fetch portal-test`: portal files against answers that were saved.
struct PortalTestCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "portal-test",
    abstract: "Test portal files against saved answers, offline.",
    usage: "fetch portal-test [NAME…] [OPTION]…",
    discussion: """
      The tests of portals/NAME.yaml are the folders in portals/NAME.tests: each has the record, the answers \
      and what is expected, as fetch explain --save writes them. Without names, all portals are tested.

        fetch explain --portal mid --field book=285 --field page=55 --save portals/mid.tests/found
        fetch portal-test mid

      \(ToolExit.table)
      """)

  @Argument(help: "The portals to test, by name or file. (default: all in --portals-dir)")
  var names: [String] = []

  @Option(help: .rare("Find portals by name in this folder, or in A:B.", valueName: "dir"))
  var portalsDir = "portals"

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let found = names.isEmpty ? SearchPath(portalsDir).names : names
    guard !found.isEmpty else {
      throw Fatal(.configuration, "there are no portal files in \(portalsDir)")
    }
    var lines: [String] = []
    var isGood = true
    for name in found {
      let outcome = try PortalTest(name, in: portalsDir).run(stop)
      lines += outcome.lines
      isGood = isGood && outcome.isGood
    }
    let code = try stop.print(lines)
    return code == .success && !isGood ? .documentsFailed : code
  }
}

/// The tests of one portal file.
struct PortalTest {
  /// How they ended.
  struct Outcome {
    var lines: [String]
    var isGood: Bool
    var tests: Int
  }

  private let path: String
  private let portal: Portal

  init(_ name: String, in folders: String) throws(Fatal) {
    path = try SearchPath(folders).find("portal", named: name)
    // A file whose address is given with --portal-base is tested with one that is never asked.
    let portal: Portal
    do { portal = try Portal(path: path, base: nil, secrets: Explanation.noSecret) } catch {
      guard error.message.contains("has no base") else { throw error }
      portal = try Portal(
        path: path, base: "http://portal.invalid/", secrets: Explanation.noSecret)
    }
    self.portal = portal
  }

  /// Runs all of them.
  ///
  /// - Parameter inspector: the program that looks into PDFs; this one, but in the tests.
  func run(
    _ stop: ShutdownSignal, inspector: String = FetchSettings().inspector
  ) throws -> Outcome {
    let folder = (path.hasSuffix(".yaml") ? String(path.dropLast(5)) : path) + ".tests"
    let cases = Folders.names(in: folder).filter {
      access("\(folder)/\($0)/record.json", F_OK) == 0
    }.sorted()
    guard !cases.isEmpty else {
      return Outcome(
        lines: [
          """
          \(portal.name): has no tests. Make one with fetch explain --portal \(portal.name) … --save \
          \(folder)/NAME
          """
        ], isGood: true, tests: 0)
    }
    var lines: [String] = []
    for name in cases {
      for failure in try run("\(folder)/\(name)", stop, inspector) {
        lines.append("\(portal.name), \(name): \(failure)")
      }
    }
    let isGood = lines.isEmpty
    if isGood {
      let count = cases.count == 1 ? "one test" : "\(cases.count) tests"
      lines = ["\(portal.name): \(count) passed (\(cases.joined(separator: ", ")))"]
    }
    return Outcome(lines: lines, isGood: isGood, tests: cases.count)
  }

  /// What is wrong in one of them, the steps in words behind it; empty where nothing is.
  private func run(
    _ folder: String, _ stop: ShutdownSignal, _ inspector: String
  ) throws -> [String] {
    var settings = FetchSettings()
    settings.inspector = inspector
    settings.portals = [portal]
    let record = try ExplainCommand.record(
      String(decoding: SavedAnswers.bytes(folder + "/record.json"), as: UTF8.self))
    let expected: JSON
    do { expected = try JSON(parsing: SavedAnswers.bytes(folder + "/expected.json")) } catch let
      error as JSONError
    {
      throw Fatal(.configuration, "\(folder)/expected.json is not JSON: \(error)")
    }
    let explanation = Explanation(settings: settings, limiter: try Limiter(), stop: stop)
    let report: Explanation.Report
    do { report = try explanation.run(record, saved: try SavedAnswers(in: folder)) } catch let fatal
      as Fatal
    {
      return [fatal.message]
    }
    var failures = report.differences
    for member in expected.object?.members ?? [] where report.expected[member.name] != member.value
    {
      let met = report.expected[member.name]?.description ?? "missing"
      failures.append("\(member.name) is \(met), and \(member.value) was expected")
    }
    if report.expected["error"] != nil, expected["error"] == nil {
      failures.append("the document was not fetched")
    }
    if !report.unused.isEmpty {
      failures.append("was not asked: \(report.unused.joined(separator: ", "))")
    }
    return failures.isEmpty ? [] : failures + report.lines.map { $0.isEmpty ? $0 : "  " + $0 }
  }
}
