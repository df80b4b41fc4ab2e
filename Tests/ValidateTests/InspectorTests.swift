import Common
import Glibc
import Inspection
import Support
import Testing

@testable import validate

@Suite("A parser that does not come back")
struct InspectorTests {
  /// What stands in for the process that looks into files.
  private func finding(_ script: String, seconds: Int = 60) throws -> FileFinding? {
    let folder = try TemporaryDirectory()
    try folder.write("#!/bin/sh\n\(script)\n", to: "inspect")
    let path = "\(folder.path)/inspect"
    try #require(chmod(path, 0o700) == 0)
    var inspector = Inspector(
      tool: "validate", seconds: seconds, stop: ShutdownSignal(), executable: path)
    return try inspector.finding(at: Array("x.pdf".utf8))
  }

  @Test func crashes() throws {
    let crashed = try finding("read line; kill -SEGV $$")
    #expect(crashed?.state == .damaged)
    #expect(crashed?.message?.contains("signal 11") == true)
    #expect(try finding("read line; exit 3")?.state == .damaged)
  }

  @Test func saysSomethingElse() throws {
    #expect(try finding("read line; echo hello; sleep 1000")?.state == .damaged)
    #expect(try finding("read line; echo '{\"state\":\"new\"}'; sleep 1000")?.state == .damaged)
  }

  @Test func hangs() throws {
    #expect(try finding("read line; sleep 1000", seconds: 1)?.state == .damaged)
  }

  @Test func isAskedByTheBytesOfTheName() throws {
    // 782e706466 is x.pdf.
    let script =
      #"read line; [ $line = 782e706466 ] && echo '{"state":"ok","bytes":3,"pages":1}'; sleep 1000"#
    #expect(try finding(script) == FileFinding(bytes: 3, pages: 1))
  }
}
