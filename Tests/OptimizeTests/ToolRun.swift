import Files
import Common
import Glibc
import Subprocesses
import Support
import Testing

@testable import optimize

/// The built program, at work. It dies with the thread that started it, so that a test must wait
/// for it where it began it.
final class ToolRun {
  let pid: pid_t
  private let directory: TemporaryDirectory

  /// Built programs lie where the bundle of the tests lies.
  static var executable: String {
    get throws {
      let bundle = try #require(realpath("/proc/self/exe", nil))
      defer { free(bundle) }
      for candidate in [String(cString: bundle), CommandLine.arguments[0]] {
        let folder = candidate.split(separator: "/").dropLast().joined(separator: "/")
        if access("/\(folder)/optimize", X_OK) == 0 { return "/\(folder)/optimize" }
      }
      throw ToolMissing()
    }
  }

  struct ToolMissing: Error {}

  /// Starts it with `input` on its standard input.
  convenience init(_ arguments: [String], input: String = "") throws {
    let directory = try TemporaryDirectory()
    let given = open(try directory.write(Array(input.utf8), to: "in"), O_RDONLY | O_CLOEXEC)
    defer { close(given) }
    try self.init(arguments, standardInput: given)
  }

  /// Starts it with a descriptor as its standard input.
  init(_ arguments: [String], standardInput given: Int32) throws {
    directory = try TemporaryDirectory()
    let output = open("\(directory.path)/out", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    let errors = open("\(directory.path)/err", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer { for descriptor in [output, errors] { close(descriptor) } }
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    pid = try Launch(
      path: try Self.executable, arguments: ["optimize"] + arguments,
      environment: ["PATH=\(path)"], input: given, output: output, errors: errors
    ).start()
  }

  /// Waits for its end.
  func wait() -> Launch.End { Launch.wait(for: pid) }

  /// What it wrote, record by record.
  func records() throws -> [JSON] {
    try TemporaryDirectory.read("\(directory.path)/out").split(separator: UInt8(ascii: "\n"))
      .map { try JSON(parsing: Array($0)) }
  }

  /// What it said to people.
  var messages: String {
    String(decoding: TemporaryDirectory.read("\(directory.path)/err"), as: UTF8.self)
  }
}

/// The processes of this machine, as /proc has them.
enum Processes {
  /// The living children of a process.
  static func children(of parent: pid_t) -> [pid_t] {
    FileTree.names(in: "/proc").compactMap { pid_t($0) }.filter { pid in
      guard let (state, above) = status(pid) else { return false }
      return above == parent && state != "Z"
    }
  }

  /// The living processes whose command lines have this text in them.
  static func running(_ text: String) -> [pid_t] {
    FileTree.names(in: "/proc").compactMap { pid_t($0) }.filter { pid in
      String(decoding: TemporaryDirectory.read("/proc/\(pid)/cmdline"), as: UTF8.self).contains(
        text)
        && isAlive(pid)
    }
  }

  /// The living processes that a process started, and those that they started.
  static func below(_ parent: pid_t) -> [pid_t] {
    children(of: parent).flatMap { [$0] + below($0) }
  }

  /// The most memory that a process had since it became what it is, in bytes.
  static func peak(of pid: pid_t) -> Int {
    let text = String(decoding: TemporaryDirectory.read("/proc/\(pid)/status"), as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 << 10 } ?? 0
  }

  static func isAlive(_ pid: pid_t) -> Bool { status(pid).map { $0.state != "Z" } ?? false }

  private static func status(_ pid: pid_t) -> (state: String, parent: pid_t)? {
    // `pid (name) state parent …`, and a name may hold blanks (proc_pid_stat(5)).
    let text = String(decoding: TemporaryDirectory.read("/proc/\(pid)/stat"), as: UTF8.self)
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 1, let parent = pid_t(fields[1]) else { return nil }
    return (String(fields[0]), parent)
  }

  /// Waits until a Ghostscript of the tool runs, and returns it with the process above it.
  static func untilGhostscriptRuns(below tool: pid_t) throws -> (worker: pid_t, gs: pid_t) {
    var found: (worker: pid_t, gs: pid_t)?
    let isRunning = eventually {
      for worker in children(of: tool) {
        if let gs = children(of: worker).first { found = (worker, gs) }
      }
      return found != nil
    }
    try #require(isRunning, "waited in vain: a Ghostscript runs")
    return try #require(found)
  }
}
