import Common
import Foundation
import Support
import Testing

/// The root of the source tree, seen from this file.
let sourceTree = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

/// Where the tools were built: beside the bundle of the tests.
let builtTools: String = {
  let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
  return bundle.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }
    ?? "\(sourceTree)/.build/debug"
}()

let toolNames = [
  "enqueue", "fetch", "optimize", "upload", "validate", "queue", "dashboard", "notify", "portal",
]

func toolPath(_ name: String) -> String {
  name.contains("/") ? name : "\(builtTools)/\(name)"
}

/// How a program ended, and what it said.
struct Finished: CustomStringConvertible {
  /// The exit status, or 128 and the number of the signal that ended it, as a shell counts.
  let code: Int32
  let output: [UInt8]
  let errors: String

  var text: String { String(decoding: output, as: UTF8.self) }
  var lines: [String] { text.split(separator: "\n").map(String.init) }
  var records: [JSON] {
    get throws { try lines.map { try JSON(parsing: $0) } }
  }
  var description: String {
    "exit code \(code), output \(Format.quoted(text, limit: 500)), errors:\n\(errors.suffix(3000))"
  }
}

/// A program that runs, with files in place of pipes, so that nobody has to read while it does.
final class Program {
  private let process: pid_t
  private let files: TemporaryDirectory
  private var ended: Int32?

  /// Starts `name` (a tool of ours, or a path) in a process group of its own, with no environment but
  /// `environment` and what a program cannot do without.
  init(
    _ name: String, _ arguments: [String], input: [UInt8] = [],
    environment: [String: String] = [:], directory: String? = nil
  ) throws {
    files = try TemporaryDirectory()
    try files.write(input, to: "input")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let writing = O_WRONLY | O_CREAT | O_APPEND
    posix_spawn_file_actions_addopen(&actions, 0, "\(files.path)/input", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "\(files.path)/output", writing, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, "\(files.path)/errors", writing, 0o600)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var usual = sigset_t()
    sigemptyset(&usual)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&usual, signal) }
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &usual)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var variables = ProcessInfo.processInfo.environment.filter {
      ["PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH"].contains($0.key)
    }
    // What a test does not say is asked of no server: the portal files name a real one.
    variables["CONVEYOR_PORTAL_BASE"] = "http://127.0.0.1:1/"
    // Servers that are made to misbehave count requests; who means robots.txt says so.
    variables["CONVEYOR_FETCH_ROBOTS"] = "ignore"
    variables.merge(environment) { $1 }
    // env(1) becomes the program, in the folder that it is to start in.
    let start = directory.map { ["/usr/bin/env", "--chdir=\($0)"] } ?? []
    let command = start + [toolPath(name)] + arguments
    let path = command[0]
    var process: pid_t = 0
    let failure = Self.withCStrings(command) { arguments in
      Self.withCStrings(variables.map { "\($0.key)=\($0.value)" }) { environment in
        posix_spawn(&process, path, &actions, &attributes, arguments, environment)
      }
    }
    guard failure == 0 else {
      throw Fatal(.other, "cannot start \(path): \(String(cString: strerror(failure)))")
    }
    self.process = process
  }

  deinit {
    if ended == nil {
      kill(-process, SIGKILL)
      waitpid(process, nil, 0)
    }
  }

  private static func withCStrings<T>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> T
  ) -> T {
    let pointers = texts.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers + [nil])
  }

  /// Sends a signal to the program alone.
  func signal(_ number: Int32) { kill(process, number) }

  /// What it has said on stderr so far.
  var errors: String { String(decoding: contents("errors"), as: UTF8.self) }

  /// What it has said on stdout so far.
  var text: String { String(decoding: contents("output"), as: UTF8.self) }

  private func contents(_ name: String) -> [UInt8] {
    FileManager.default.contents(atPath: "\(files.path)/\(name)").map(Array.init) ?? []
  }

  /// Waits for its end; ends it by force, and complains, when it takes longer than `seconds`.
  func wait(within seconds: Double = 180) -> Finished {
    var status: Int32 = 0
    if !eventually(within: seconds, { waitpid(process, &status, WNOHANG) == process }) {
      Issue.record("no end within \(seconds) seconds; so far: \(errors.suffix(2000))")
      kill(-process, SIGKILL)
      waitpid(process, &status, 0)
    }
    let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    ended = code
    return Finished(code: code, output: contents("output"), errors: errors)
  }
}

/// Runs a program to its end.
func run(
  _ name: String, _ arguments: [String], input: [UInt8] = [],
  environment: [String: String] = [:], directory: String? = nil
) throws -> Finished {
  try Program(
    name, arguments, input: input, environment: environment, directory: directory
  ).wait()
}

/// Runs a program on lines of text.
func run(
  _ name: String, _ arguments: [String], lines: [String],
  environment: [String: String] = [:], directory: String? = nil
) throws -> Finished {
  try run(
    name, arguments, input: Array(lines.map { $0 + "\n" }.joined().utf8),
    environment: environment, directory: directory)
}

/// Holds lines against docs/record.schema.json. Returns what does not fit.
func schemaErrors(_ lines: [UInt8]) throws -> String {
  let check = try run("/usr/bin/python3", ["\(sourceTree)/scripts/check-records"], input: lines)
  return check.code == 0 ? "" : check.text + check.errors
}
