import Common
import Glibc
import Processes

/// A running Ghostscript that takes one document after the other from a private directory, under
/// the two names of ``Job``. Owns the process: letting go of the value ends it.
///
/// It says on one pipe what it has to say, and then the word that it was given with the document.
/// The word is new each time, so that no text of a document can be taken for it.
struct Interpreter: ~Copyable {
  /// Where it works.
  let directory: String
  /// The largest file that it may write, in bytes.
  let fileSize: Int
  /// Documents that it took.
  private(set) var jobs = 0
  /// Its process.
  let pid: pid_t
  private var isRunning = true
  /// Where its input is written to, and what it says is read from.
  private let input: Int32
  private let output: Int32

  /// Starts `program`. The caller must be a process of one thread, as it dies with its thread.
  init(
    _ program: String, _ job: Job, fileSize: Int
  ) throws(Launch.Failure) {
    directory = job.directory
    self.fileSize = fileSize
    let words = try Launch.makePipe()
    defer { close(words.output) }
    let said: (output: Int32, input: Int32)
    do throws(Launch.Failure) { said = try Launch.makePipe() } catch {
      close(words.input)
      throw error
    }
    defer { close(said.input) }
    let launch = Launch(
      path: program, arguments: Ghostscript.arguments(job.settings.quality),
      environment: [
        "PATH=/usr/bin:/bin", "LC_ALL=C", "TMPDIR=\(directory)", "HOME=\(directory)",
      ],
      directory: directory, input: words.output, output: said.input, errors: said.input,
      isChildless: true, isConfined: true, memory: job.settings.memory,
      fileSize: fileSize, openFiles: 64)
    do throws(Launch.Failure) { pid = try launch.start() } catch {
      close(words.input)
      close(said.output)
      throw error
    }
    (input, output) = (words.input, said.output)
  }

  deinit {
    close(input)
    close(output)
    guard isRunning else { return }
    kill(pid, SIGKILL)
    _ = Launch.wait(for: pid)
  }

  /// Has it take the document that is there now, and tells how that ended. After any other end than
  /// exit status 0 the process is no more.
  mutating func run(processorSeconds: Int) -> Ghostscript.Outcome {
    jobs += 1
    let word = String(UInt64.random(in: .min ... .max), radix: 16)
    var errors = ErrorScan(until: word)
    let before = processorTime() ?? 0
    // A failure to write is that of a process which is no more, as the end of its output will tell.
    _ = writeAll(Array("\(word)\n".utf8), to: input)
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while !errors.isAtEnd {
      let left = Double(processorSeconds) - ((processorTime() ?? before) - before)
      if left <= 0 { kill(pid, SIGXCPU) }
      // It has one thread, so that it cannot use more of its time than the clock shows.
      var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      guard poll(&descriptor, 1, left <= 0 ? -1 : Int32(min(left, 3600) * 1000) + 1) > 0 else {
        continue
      }
      let count = buffer.withUnsafeMutableBytes { read(output, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        errors.finish()
        isRunning = false
        return Ghostscript.Outcome(end: Launch.wait(for: pid), report: errors.report)
      }
      errors.add(buffer[..<count])
    }
    return Ghostscript.Outcome(end: .status(0), report: errors.report)
  }

  /// Seconds of processor time that it has used.
  private borrowing func processorTime() -> Double? {
    var (clock, time) = (clockid_t(), timespec())
    guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else {
      return nil
    }
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
