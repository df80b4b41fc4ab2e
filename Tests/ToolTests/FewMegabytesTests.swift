import Common
import Glibc
import Support
import Testing

/// A limit on memory (`ulimit -v`) that leaves too little: a tool does its work, or ends with 74 and a word. It
/// neither crashes nor stands still.
@Suite struct FewMegabytesTests {
  /// Around what the tools and their libraries take to begin with, which differs with how they were built.
  private static let limits = Array(stride(from: 40, through: 240, by: 20))

  private static let runs: [(tool: String, options: [String])] = [
    // An address that nobody answers at, from many threads.
    (
      "fetch",
      [
        "--state", "state", "--workers", "64", "--retries", "0", "--portal-base",
        "http://127.0.0.1:1",
      ]
    ),
    ("optimize", ["--workers", "8"]), ("upload", ["--to", "bucket", "--workers", "32"]),
    ("validate", ["--to", "bucket"]), ("enqueue", ["init", "--index", "index.db"]),
  ]

  @Test(arguments: limits) func toolsEnd(megabytes: Int) throws {
    let folder = try TemporaryDirectory()
    for (tool, options) in Self.runs {
      // A document that another tool gave up comes through.
      let line = #"{"id":"1","error":{"tool":"fetch","class":"absent","message":"gone"}}"#
      let program = try Program(
        "/usr/bin/prlimit",
        ["--as=\(megabytes << 20):\(megabytes << 20)", "\(builtTools)/\(tool)"] + options,
        input: Array((line + "\n").utf8), directory: folder.path)
      let end = program.wait()
      // What the loader of programs finds no room for is its affair (127).
      let codes = [ToolExit.success, .documentsFailed, .inputOutput].map(\.rawValue) + [127]
      #expect(codes.contains(end.code), "\(tool), \(megabytes) MiB: \(end)")
      if end.code == ToolExit.inputOutput.rawValue {
        #expect(end.errors.contains("ulimit -v"), "\(tool), \(megabytes) MiB: \(end)")
      }
    }
  }

  @Test("A crash for another reason is still one", arguments: [SIGSEGV, SIGABRT, SIGILL])
  func crash(signal: Int32) throws {
    let folder = try TemporaryDirectory()
    let port = "\(folder.path)/port"
    let program = try Program(
      "portal", ["--port-file", port], environment: ["SWIFT_BACKTRACE": "enable=no"])
    #expect(eventually { access(port, F_OK) == 0 })
    program.signal(signal)
    #expect(program.wait().code == 128 + signal)
  }
}
