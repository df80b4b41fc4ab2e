import Files
import Common
import Glibc
import Subprocesses

/// A running Ghostscript that takes one document after the other from a private directory, under
/// the two names of ``JobRequest``. Owns the process: letting go of the value ends it.
///
/// It prints its messages on one pipe, and then the word that it was given with the document.
/// The word is new each time, so that no text of a document can be mistaken for it.
struct GhostscriptProcess: ~Copyable {
  /// Where it works.
  let directory: String
  /// The largest file that it may write, in bytes.
  let fileSize: Int
  private(set) var jobs = 0
  /// Its process.
  let pid: pid_t
  private var isRunning = true
  /// Where its input is written to, and what it says is read from.
  private let input: Int32
  private let output: Int32

  /// Starts `program`. The caller must be a process of one thread, as it dies with its thread.
  init(
    _ program: String, _ job: JobRequest, fileSize: Int
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

  /// Has it process the current document, and returns how that ended. After any other end than
  /// exit status 0 the process is no more.
  mutating func run(processorSeconds: Int) -> Ghostscript.Outcome {
    jobs += 1
    let word = String(UInt64.random(in: .min ... .max), radix: 16)
    var errors = ErrorScan(until: word)
    let before = processorTime() ?? 0
    // A failure to write is that of a process which is no more, as the end of its output will show.
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

/// Looks for reports of errors in what Ghostscript prints, line by line, with bounded memory: a
/// document of 10,000 pages prints a megabyte of "Page 1".
struct ErrorScan {
  /// More of a line is not looked at.
  static let maximumLine = 4096

  /// The first line that reports an error, fit for a log.
  private(set) var report: String?
  /// Whether the line came that ends what it prints.
  private(set) var isAtEnd = false
  private let last: [UInt8]
  private var line: [UInt8] = []

  /// Up to a line that consists of this word.
  init(until word: String) { last = Array(word.utf8) }

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
        finish()
      } else if line.count < Self.maximumLine {
        line.append(byte)
      }
    }
  }

  /// Ends the last line, which may lack its line end.
  mutating func finish() {
    defer { line.removeAll(keepingCapacity: true) }
    if line == last { isAtEnd = true }
    guard report == nil, Self.reportsError(line) else { return }
    report = Format.quoted(String(decoding: line, as: UTF8.self), limit: 120)
  }

  /// `Error: /syntaxerror in --runpdf--`, `Unrecoverable error, exit code 1`, and the lines
  /// `   **** Error: …` with which the PDF interpreter speaks of what it repaired or ignored.
  static func reportsError(_ line: [UInt8]) -> Bool {
    let text = String(decoding: line, as: UTF8.self)
    return text.contains("****") || text.lowercased().contains("error")
  }
}
