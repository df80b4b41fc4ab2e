import Common
import Glibc

/// `optimize --worker`: the process in which hostile PDFs are parsed. One job a line on standard
/// input, its answers on standard output. Whoever started it set its limits, and ends it.
enum WorkerMain {
  static let flag = "--worker"

  /// Works until the input ends. Returns the exit status.
  static func run() -> Int32 {
    // It was started as /proc/self/exe; people look for a name.
    let name = open("/proc/self/comm", O_WRONLY | O_CLOEXEC)
    _ = writeAll(Array("optimize".utf8), to: name)
    close(name)
    // A Ghostscript that is no more is noticed where its output ends.
    signal(SIGPIPE, SIG_IGN)
    // A limit on the size of files is an error of write(2), EFBIG, and not the document's fault.
    signal(SIGXFSZ, SIG_IGN)
    let ghostscript = GhostscriptKeeper()
    var lines = LineReader(descriptor: STDIN_FILENO)
    while case .line(let line)? = try? lines.next() {
      guard let json = try? JSON(parsing: line), let job = Job(json: json) else {
        return ExitCode.notRecords.rawValue
      }
      answer(job, ghostscript)
    }
    return ExitCode.success.rawValue
  }

  private static func answer(_ job: Job, _ ghostscript: GhostscriptKeeper) {
    do throws(Examination.Trouble) {
      say(
        .findings(try Examination(job, with: ghostscript).findings { say(.started(pages: $0)) }))
    } catch {
      say(.trouble(error.message, code: error.code))
    }
  }

  private static func say(_ answer: Answer) {
    _ = writeAll(answer.json.serialized() + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
  }
}
