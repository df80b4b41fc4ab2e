import Glibc

/// This program once more, in the role that a flag gives it, with pipes to its input and from its
/// output. Owns the process: letting go of the value ends it, and all in its group.
package struct Child: ~Copyable {
  private let pid: pid_t
  /// Where its input is written to.
  package let input: Int32
  /// Where its output is read from.
  package let output: Int32

  /// Starts it with `memory` bytes of address space.
  package init(
    executable: String = "/proc/self/exe", name: String, flag: String, memory: Int
  ) throws(Launch.Failure) {
    (pid, input, output) = try Self.start(executable, [name, flag], memory: memory)
  }

  private static func start(
    _ executable: String, _ arguments: [String], memory: Int
  ) throws(Launch.Failure) -> (pid: pid_t, input: Int32, output: Int32) {
    let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(nowhere) }
    let jobs = try Launch.makePipe()
    defer { close(jobs.output) }
    do throws(Launch.Failure) {
      let answers = try Launch.makePipe()
      defer { close(answers.input) }
      // Its group holds what it starts too; and the terminal's Ctrl+C does not reach either.
      let launch = Launch(
        path: executable, arguments: arguments, environment: environment(),
        input: jobs.output, output: answers.input, errors: nowhere, leadsGroup: true,
        isOffline: true, memory: memory)
      do throws(Launch.Failure) {
        return (try launch.start(), jobs.input, answers.output)
      } catch {
        close(answers.output)
        throw error
      }
    } catch {
      close(jobs.input)
      throw error
    }
  }

  deinit { Self.end(pid, input, output) }

  /// Ends the process and tells how it ended, if it had not waited for this.
  package consuming func finish() -> Launch.End {
    let (pid, input, output) = (pid, input, output)
    discard self
    return Self.end(pid, input, output)
  }

  @discardableResult
  private static func end(_ pid: pid_t, _ input: Int32, _ output: Int32) -> Launch.End {
    kill(-pid, SIGKILL)
    close(input)
    close(output)
    return Launch.wait(for: pid)
  }

  /// Nothing of ours that a document could profit from; only where to find the Swift libraries, and
  /// that a crash is to be quick: a backtrace takes seconds and another program.
  private static func environment() -> [String] {
    let libraries = getenv("LD_LIBRARY_PATH").map { ["LD_LIBRARY_PATH=\(String(cString: $0))"] }
    return ["PATH=/usr/bin:/bin", "LC_ALL=C", "SWIFT_BACKTRACE=enable=no"] + (libraries ?? [])
  }
}

/// Splits what a worker process says into lines; trusts it with no more than 64 KiB.
package struct AnswerLines {
  private static let maximum = 1 << 16
  private var received: [UInt8] = []

  /// Nothing yet.
  package init() {}

  package mutating func next() -> [UInt8]? {
    guard let end = received.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    defer { received.removeSubrange(...end) }
    return Array(received[..<end])
  }

  /// Takes what is there. False at its end, and where a line is too long.
  package mutating func read(from descriptor: Int32) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes {
      Glibc.read(descriptor, $0.baseAddress, $0.count)
    }
    if count < 0, errno == EINTR { return true }
    guard count > 0, received.count + count <= Self.maximum else { return false }
    received += buffer[..<count]
    return true
  }
}
