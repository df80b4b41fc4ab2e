import Common
import Digest
import Glibc
import Processes

/// Has files looked into by a process of its own, one after the other, and starts another one when
/// that did not survive. Belongs to one thread, with which the process dies.
struct Inspector: ~Copyable {
  /// Bytes of address space: a small file can ask for a gigabyte.
  private static let memory = 2 << 30

  /// Seconds that a file may take.
  private let seconds: Int
  private let stop: Stop
  private let executable: String
  private var child: Child?

  init(seconds: Int = 60, stop: Stop, executable: String = "/proc/self/exe") {
    self.seconds = seconds
    self.stop = stop
    self.executable = executable
  }

  /// What there is to say about a file; `nil` when the run was stopped meanwhile.
  mutating func finding(at path: [UInt8]) throws(Fatal) -> FileFinding? {
    let process = try take()
    guard writeAll(Array((Digest.hex(path) + "\n").utf8), to: process.input) == 0 else {
      return Self.crashed(process.finish())
    }
    var lines = AnswerLines()
    let deadline = Time.monotonic() + Int64(seconds) * 1_000_000_000
    while true {
      if let line = lines.next() {
        guard let finding = (try? JSON(parsing: line)).flatMap(FileFinding.init) else {
          return Self.crashed(process.finish())
        }
        child = consume process
        return finding
      }
      let left = deadline - Time.monotonic()
      if left <= 0 { return .bad(.damaged, "looking into it took more than \(seconds) s") }
      if stop.isRequested { return nil }
      var descriptors = [
        pollfd(fd: process.output, events: Int16(POLLIN), revents: 0),
        pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      let ready = poll(&descriptors, 2, Int32(clamping: left / 1_000_000 + 1))
      if ready > 0, descriptors[0].revents != 0, !lines.read(from: process.output) {
        return Self.crashed(process.finish())
      }
    }
  }

  private mutating func take() throws(Fatal) -> Child {
    if let child = child.take() { return child }
    do throws(Launch.Failure) {
      return try Child(
        executable: executable, name: "validate", flag: InspectionMain.flag, memory: Self.memory)
    } catch {
      throw Fatal(
        .inputOutput, "cannot start a process: \(String(cString: strerror(error.code)))")
    }
  }

  private static func crashed(_ end: Launch.End) -> FileFinding {
    .bad(.damaged, "the process that looked into it \(end)")
  }
}
