import Glibc

/// This program once more, in the role that a flag gives it, with pipes to its input and from its
/// output. Owns the process: letting go of the value ends it, and all in its group.
public struct Child: ~Copyable {
  private let pid: pid_t
  /// Where its input is written to.
  public let input: Int32
  /// Where its output is read from.
  public let output: Int32

  /// Starts it with `memory` bytes of address space.
  public init(
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
  public consuming func finish() -> Launch.End {
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
