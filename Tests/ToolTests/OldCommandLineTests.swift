import Common
import Foundation
import Support
import Testing

/// Command lines of README, docs, CHANGELOG and scripts before there were subcommands, and of the
/// users' own description: whoever has them in a script or in their fingers goes on with them.
@Suite("Old command lines go on working")
struct OldCommandLineTests {
  private struct Line {
    let tool: String
    /// As it was written, `INDEX`, `PDF` and `PORTAL` standing for what there is here.
    let old: String
    /// The same in today's form, where both can be asked one after the other.
    var new: String?
    var code: Int32 = 0
    var input = ""
  }

  private static let csv = """
    source,book,page,instrument_type_parsed
    DuProcess,300,1,DEED
    DuProcess,300,2,DEED

    """

  private static let lines: [Line] = [
    .init(tool: "enqueue", old: "--index INDEX --import deeds.csv"),
    .init(tool: "enqueue", old: "--import - --format csv --index INDEX", input: csv),
    .init(tool: "enqueue", old: "--index INDEX --import index.xlsx --sheet 2023", code: 74),
    .init(
      tool: "enqueue", old: "--index INDEX --stage stage-0-test --count",
      new: "count --index INDEX --stage stage-0-test"),
    .init(tool: "enqueue", old: "--index INDEX --count", new: "count --index INDEX"),
    .init(tool: "enqueue", old: "--count --json --index INDEX", new: "count --json --index INDEX"),
    .init(
      tool: "enqueue", old: "--index INDEX --stage stage-0-test --status",
      new: "status --index INDEX --stage stage-0-test"),
    .init(tool: "enqueue", old: "--index INDEX --status", new: "status --index INDEX"),
    .init(tool: "enqueue", old: "--index INDEX --types", new: "types --index INDEX"),
    .init(
      tool: "enqueue", old: "--index INDEX --retry --class network --class portal_error --dry-run",
      new: "retry --index INDEX --class network --class portal_error --dry-run"),
    .init(tool: "enqueue", old: "--index INDEX --retry --class network"),
    .init(tool: "enqueue", old: "--retry --class portal_error --index INDEX"),
    .init(tool: "enqueue", old: "--index INDEX --init"),
    .init(tool: "enqueue", old: "--index INDEX --migrate --dry-run"),
    .init(tool: "enqueue", old: "--index INDEX --migrate"),
    .init(tool: "enqueue", old: "--index postgres://me@127.0.0.1:1/madison --migrate", code: 69),
    .init(
      tool: "enqueue", old: "--migrate --dry-run --index postgres://me@127.0.0.1:1/m", code: 69),
    .init(
      tool: "enqueue",
      old: "--stage stage-0-test --rate-limit-delay 1 --preflight --dry-run --index INDEX",
      new: "preflight --stage stage-0-test --rate-limit-delay 1 --dry-run --index INDEX"),
    .init(
      tool: "enqueue", old: "--index INDEX --print-state", new: "paths --index INDEX"),
    .init(
      tool: "enqueue", old: "--state state --print-state --index INDEX",
      new: "paths --state state --index INDEX"),
    .init(tool: "enqueue", old: "--index INDEX --workers 4 --dry-run"),
    .init(
      tool: "enqueue", old: "--index INDEX --select - --since 1951-03-04 --count", input: "1\n"),
    .init(
      tool: "validate", old: "--report --index INDEX --stage stage-0-test",
      new: "report --index INDEX --stage stage-0-test"),
    .init(tool: "validate", old: "--report --index INDEX --html report.html --csv tables"),
    .init(tool: "validate", old: "--index INDEX --json --report"),
    .init(tool: "validate", old: "--monitor --index INDEX --json"),
    .init(tool: "validate", old: "--mismatches --index INDEX", new: "mismatches --index INDEX"),
    .init(
      tool: "validate", old: "--reconcile --index INDEX --to bucket",
      new: "reconcile --index INDEX --to bucket"),
    .init(tool: "validate", old: "--reconcile --index INDEX --to bucket --repair --dry-run"),
    .init(
      tool: "validate",
      old: "--to bucket --index INDEX --workers 8 --one-way --reconcile --read-data 5%"),
    .init(tool: "validate", old: "--files PDF", new: "files PDF"),
    .init(tool: "validate", old: "--files - --workers 3", new: "files - --workers 3"),
    .init(tool: "validate", old: "--settle --index INDEX --no-records --retry-wait 120s"),
    .init(tool: "fetch", old: "--checkpoint-status --state none", code: 74),
    .init(tool: "fetch", old: "--limiter-status", code: 74),
    .init(
      tool: "fetch", old: "--stage stage-0-test --print-pipeline",
      new: "pipeline --stage stage-0-test"),
    .init(
      tool: "fetch", old: "--portal-base http://127.0.0.1:1/ --stage stage-0-test --probe", code: 69
    ),
    .init(tool: "fetch", old: "--cert client.pem --key key.pem --state state"),
    .init(tool: "upload", old: "--check --to bucket"),
    .init(tool: "upload", old: "--to bucket --check --dry-run --quiet"),
    .init(tool: "upload", old: "--from-list --key {id|slug} --to bucket", input: ""),
    .init(tool: "optimize", old: "--gs-status", new: "status"),
  ]

  @Test("Each is understood, and answers as today's form does")
  func all() throws {
    let folder = try TemporaryDirectory()
    try folder.write(Self.csv, to: "deeds.csv")
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/bucket", withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: "\(sourceTree)/stages", toPath: "\(folder.path)/stages")
    try FileManager.default.copyItem(
      atPath: "\(sourceTree)/portals", toPath: "\(folder.path)/portals")
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/pdf", withIntermediateDirectories: true)
    for line in Self.lines {
      let old = try answer(line, line.old, folder.path)
      #expect(old.code == line.code, "\(line.tool) \(line.old): \(old)")
      guard let new = line.new else { continue }
      let today = try answer(line, new, folder.path)
      #expect(
        (old.code, old.text, old.errors) == (today.code, today.text, today.errors),
        "\(line.tool) \(line.old)")
    }
  }

  private func answer(_ line: Line, _ words: String, _ folder: String) throws -> Finished {
    let arguments = words.split(separator: " ").map {
      String($0).replacing("INDEX", with: "sqlite:index.db").replacing("PDF", with: "./pdf")
    }
    return try run(
      line.tool, arguments, input: Array(line.input.utf8),
      environment: ["XDG_STATE_HOME": "\(folder)/home"], directory: folder)
  }

  @Test("An option that an old form never used is accepted there, and not in today's form")
  func noEffect() throws {
    let folder = try TemporaryDirectory()
    let index = ["--index", "\(folder.path)/index.db"]
    #expect(try run("enqueue", index + ["--init"]).code == 0)
    let old = try run("enqueue", index + ["--workers", "9", "--count", "--no-wait"])
    #expect(old.code == 0 && old.text == "0\n", "\(old)")
    #expect(try run("enqueue", ["count", "--no-wait"] + index).code == ToolExit.usage.rawValue)
    let variable = try run("enqueue", index, environment: ["CONVEYOR_ENQUEUE_COUNT": "1"])
    #expect(variable.text == "0\n", "\(variable)")
    let two = try run("validate", index + ["--report", "--monitor"])
    #expect(two.code == ToolExit.usage.rawValue)
    #expect(
      two.errors == "validate: report and monitor cannot be combined. Ask for one of them.\n")
  }
}
