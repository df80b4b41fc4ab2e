import Common
import Glibc

/// The one exit status of many programs: an interruption, else that of the first one that could not go on, else
/// what the last one says. Pure.
///
/// A document that failed in `fetch` (3) may have been completed by a later attempt, and the last program knows.
/// A program that a signal ended could not go on, and had no chance to say so itself.
struct Verdict: Sendable, Equatable {
  let code: Int32
  /// What to say on stderr, a line each.
  let lines: [String]

  /// - Parameters:
  ///   - statuses: each program's, as a shell counts: 128 and the number of a signal.
  ///   - wasStopped: whether the run was told to stop, so that a program that a signal ended may not have
  ///     listened yet.
  init(_ statuses: [(name: String, status: Int32)], wasStopped: Bool) {
    let interrupted = ToolExit.interrupted.rawValue
    let killed = statuses.filter { $0.status > 128 && $0.status != interrupted }
    if statuses.contains(where: { $0.status == interrupted }) || wasStopped && !killed.isEmpty {
      self.init(code: interrupted, lines: [])
      return
    }
    let fine = [ToolExit.success.rawValue, ToolExit.documentsFailed.rawValue]
    let codes = statuses.map { $0.status > 128 ? ToolExit.other.rawValue : $0.status }
    let worst = codes.first { !fine.contains($0) }
    self.init(
      code: worst ?? codes.last ?? 0,
      lines: killed.map { program in
        """
        \(program.name) \(Self.describe(signal: program.status - 128)). The documents that it had are given \
        back or wait for the end of their lease; no other document loses an attempt. The same command \
        resumes.
        """
      })
  }

  /// How a run ends whose pipeline ended with `status`, after the driver passed on `signals` signals.
  ///
  /// - Parameters:
  ///   - files: the log and the summary; `nil` where the run writes none.
  ///   - limit: how many documents a run takes, if there is a limit.
  init(
    pipeline status: Int32, signals: Int, files: (log: String, summary: String?)?, limit: Int?
  ) {
    var lines: [String] = []
    var code = status
    if status > 128, status != ToolExit.interrupted.rawValue {
      code = signals > 0 ? ToolExit.interrupted.rawValue : ToolExit.other.rawValue
      if signals == 0 {
        lines.append(
          "the whole pipeline \(Self.describe(signal: status - 128)). The same command resumes.")
      }
    }
    if let files {
      let summary = files.summary.map { "   summary: \($0)" } ?? ""
      lines.append("log: \(files.log)\(summary)")
    }
    if code == ToolExit.interrupted.rawValue {
      let more = limit.map {
        " and takes up to \(Format.counted($0, "more document", "more documents"))"
      }
      lines.append("interrupted; the same command goes on\(more ?? "")")
    }
    self.init(code: code, lines: lines)
  }

  private init(code: Int32, lines: [String]) { (self.code, self.lines) = (code, lines) }

  /// The signals of Linux from 1 on (signal(7), on all architectures but Alpha, MIPS, PA-RISC and SPARC).
  private static let names = """
    HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU \
    URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS
    """.split(separator: " ").map(String.init)

  /// How a program ended that a signal ended, and what that may mean.
  static func describe(signal: Int32) -> String {
    let name = 1...31 ~= signal ? ", SIG\(names[Int(signal) - 1])" : ""
    let advice =
      switch signal {
      case SIGKILL:
        " (by somebody, or because memory ran out: see dmesg; fewer --workers need less)"
      case SIGXCPU: " (it used up its processor time: ulimit -t)"
      default: ""
      }
    return "was ended by signal \(signal)\(name)\(advice)"
  }
}
