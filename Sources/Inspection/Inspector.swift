import Files
import Common
import Crypto
import Glibc
import Subprocesses

/// Has files looked into by a process of its own, one after the other, and starts another one when that did
/// not survive. Belongs to one thread at a time; the process dies with the thread that started it.
package struct Inspector: ~Copyable {
  /// The argument by which a tool knows that it is this process.
  package static let flag = "--inspect"

  /// Bytes of address space: a small file can ask for a gigabyte.
  private static let memory = 2 << 30

  /// What became of a question.
  package enum Answer: Sendable {
    /// What the process said.
    case said(JSON)
    /// It said nothing that can be read, and how it ended.
    case crashed(Launch.End)
    /// It took longer than permitted.
    case tooSlow
    /// The run was stopped meanwhile.
    case stopped
  }

  /// Seconds that a file may take.
  package let seconds: Int
  private let tool: String
  private let stop: ShutdownSignal
  /// Seconds that a question goes on after a stop was requested.
  private let grace: Double
  private let executable: String
  private var child: Child?

  /// An inspector that starts no process before the first question.
  package init(
    tool: String, seconds: Int, stop: ShutdownSignal, grace: Double = 0,
    executable: String = "/proc/self/exe"
  ) {
    self.tool = tool
    self.seconds = seconds
    self.stop = stop
    self.grace = grace
    self.executable = executable
  }

  package mutating func ask(_ path: some Sequence<UInt8>) throws(Fatal) -> Answer {
    let process = try take()
    guard writeAll(Array((Digest.hex(Array(path)) + "\n").utf8), to: process.input) == 0 else {
      return .crashed(process.finish())
    }
    var lines = AnswerLines()
    let deadline = Time.monotonic() + Int64(seconds) * 1_000_000_000
    while true {
      if let line = lines.next() {
        guard let answer = try? JSON(parsing: line), answer.object != nil else {
          return .crashed(process.finish())
        }
        child = consume process
        return .said(answer)
      }
      let left = deadline - Time.monotonic()
      if left <= 0 { return .tooSlow }
      let isStopping = stop.isRequested
      if isStopping, stop.age >= grace { return .stopped }
      var descriptors = [
        pollfd(fd: process.output, events: Int16(POLLIN), revents: 0),
        pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      // The second descriptor is ready for ever once a stop was requested.
      let wait = isStopping ? min(left, 100_000_000) : left
      let ready = poll(&descriptors, isStopping ? 1 : 2, Int32(clamping: wait / 1_000_000 + 1))
      if ready > 0, descriptors[0].revents != 0, !lines.read(from: process.output) {
        return .crashed(process.finish())
      }
    }
  }

  private mutating func take() throws(Fatal) -> Child {
    if let child = child.take() { return child }
    do throws(Launch.Failure) {
      return try Child(
        executable: executable, name: tool, flag: Self.flag, memory: Self.memory)
    } catch {
      throw Fatal(
        .inputOutput, "cannot start a process: \(String(cString: strerror(error.code)))")
    }
  }
}

extension Inspector {
  /// The process itself: a name a line on standard input, as hexadecimal digits; what `answer` has to say, a
  /// line on standard output. Works until the input ends. Returns the exit status.
  package static func answerQuestions(_ answer: ([UInt8]) -> JSONObject) -> Int32 {
    var lines = LineReader(descriptor: STDIN_FILENO)
    while case .line(let line)? = try? lines.next() {
      guard let path = Digest.bytes(hex: String(decoding: line, as: UTF8.self)) else {
        return ToolExit.notRecords.rawValue
      }
      let text = JSON.object(answer(path)).serialized()
      _ = writeAll(text + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
    }
    return ToolExit.success.rawValue
  }
}
