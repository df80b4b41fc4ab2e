import Common
import Support
import Testing

/// Found by `Tests/Torture/calls.py`: an enqueue that got no pipe to wake its own threads with had done its
/// work and never ended.
@Suite struct FewDescriptorsTests {
  @Test(arguments: Array(3...14))
  func enqueueEnds(limit: Int) throws {
    let folder = try TemporaryDirectory()
    let index = "\(folder.path)/index.db"
    let rows = try run(
      "portal", ["--documents", "3", "--document-size", "3000", "--print-index", "csv"])
    let added = try run(
      "enqueue", ["import", "-", "--index", index, "--format", "csv"], input: rows.output)
    #expect(added.code == 0, "\(added)")
    let program = try Program(
      "/usr/bin/prlimit",
      [
        "--nofile=\(limit):\(limit)", "\(builtTools)/enqueue", "--index", index, "--no-wait",
        "--lease", "1s",
      ])
    let end = program.wait()
    // Fewer than the loader needs is the loader's affair (127).
    let codes = [ToolExit.success, .inputOutput, .unavailable].map(\.rawValue) + [127]
    #expect(codes.contains(end.code), "\(end)")
    if end.code == ToolExit.inputOutput.rawValue { #expect(!end.errors.isEmpty) }
    // Nobody is left with a document that another run could not have.
    let rest = try run("enqueue", ["status", "--index", index])
    #expect(rest.code == 0, "\(rest)")
  }
}
