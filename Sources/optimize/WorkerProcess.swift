import Files
import Common
import Glibc
import Subprocesses

/// A process that parses PDFs for one thread, as that thread sees it. Owns the process:
/// letting go of the value ends it, and the Ghostscript that it runs.
struct WorkerProcess: ~Copyable {
  /// How a document came out of it.
  enum Outcome: Sendable, Equatable {
    case findings(Findings)
    /// No document is at fault.
    case trouble(String, code: Int32)
    /// The process ended, or does not speak our language. This and the cases below leave a process
    /// that is to be let go.
    case lost
    /// The time limit passed.
    case late(seconds: Int)
    /// The run is coming to its end, and this did not finish in time.
    case stopped
  }

  /// Seconds that a document in flight gets after Ctrl+C.
  private static let grace = 5.0

  private let child: Child

  /// Starts a process with `memory` bytes of address space.
  init(executable: String = "/proc/self/exe", memory: Int) throws(Fatal) {
    do throws(Launch.Failure) {
      child = try Child(
        executable: executable, name: "optimize", flag: WorkerMain.flag, memory: memory)
    } catch {
      throw Fatal(
        .inputOutput, "cannot start a worker process: \(String(cString: strerror(error.code)))")
    }
  }

  /// Ends the process and returns how it ended, unless it was still waiting for work.
  consuming func finish() -> Launch.End { child.finish() }

  /// Has a document worked on and waits for the outcome.
  borrowing func work(on job: JobRequest, stop: ShutdownSignal) -> Outcome {
    let base = job.settings.seconds
    var seconds = Limits.inspectionSeconds(base: base)
    var deadline = Time.monotonic() + Int64(seconds) * 1_000_000_000
    guard writeAll(job.json.serialized() + [UInt8(ascii: "\n")], to: child.input) == 0 else {
      return .lost
    }
    var lines = AnswerLines()
    var hasStarted = false
    while true {
      while let line = lines.next() {
        switch (try? JSON(parsing: line)).flatMap(JobReply.init) {
        case .started(let pages):
          // Once: it must not buy itself time.
          if hasStarted { return .lost }
          hasStarted = true
          seconds = Limits(base: base, pages: pages, sourceBytes: 0).wallSeconds
          deadline = Time.monotonic() + Int64(seconds) * 1_000_000_000
        case .findings(let findings): return .findings(findings)
        case .trouble(let message, let code): return .trouble(message, code: code)
        case nil: return .lost
        }
      }
      switch wait(until: deadline, stop) {
      case .ready: guard lines.read(from: child.output) else { return .lost }
      case .late: return .late(seconds: seconds)
      case .stopped: return .stopped
      }
    }
  }

  private enum Wait { case ready, late, stopped }

  /// Waits for the process to say something.
  private borrowing func wait(until deadline: Int64, _ stop: ShutdownSignal) -> Wait {
    while true {
      let now = Time.monotonic()
      var left = deadline - now
      if left <= 0 { return .late }
      let isStopping = stop.isRequested
      if isStopping {
        // The result of a failed or cut off run has no reader.
        let grace = stop.reason == .interrupted ? Self.grace - stop.age : 0
        if grace <= 0 { return .stopped }
        left = min(left, Int64(grace * 1e9))
      }
      var descriptors = [
        pollfd(fd: child.output, events: Int16(POLLIN), revents: 0),
        pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      let ready = poll(
        &descriptors, isStopping ? 1 : 2, Int32(clamping: left / 1_000_000 + 1))
      if ready > 0, descriptors[0].revents != 0 { return .ready }
    }
  }
}
