import Files
import Glibc
import Logging

/// The one place that knows whether this process should come to an end, and why.
///
/// Threads that wait (for a slot, for input, for a retry) wait here, so that they wake at once.
package final class ShutdownSignal: Sendable {
  /// What ended the work before its time.
  package enum Reason: Sendable, Equatable {
    /// Ctrl+C, SIGTERM or SIGHUP.
    case interrupted
    /// Whoever reads our output is gone.
    case downstreamClosed
    /// The run cannot go on (a full disk, an unreadable limiter): the exit code and one line.
    case failed(Fatal)
  }

  private let state = Lock<(reason: Reason?, since: Int64)>((nil, 0))
  private let requested = Latch()

  /// Becomes readable when a stop is requested, so that poll(2) can wait for it. Whoever waits holds the
  /// stop: it is closed when nobody does.
  package var descriptor: Int32 { requested.descriptor }

  /// A stop that only ``request(_:)`` brings about.
  package init() {}

  /// Signals that are awaited, unless they were ignored when the process began.
  private static let awaited = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU]

  /// A stop that follows signals: the first SIGINT, SIGTERM or SIGHUP requests it, the second, or
  /// SIGQUIT, ends the process at once with 130; SIGXCPU (`ulimit -t`) requests it as a failure. To be
  /// called in `main` before any thread is started, because threads inherit the blocked signals.
  ///
  /// What was ignored at the start stays ignored: SIGHUP under nohup(1), SIGINT in the background of a
  /// shell without job control (POSIX, XCU 2.11). Blocking such a signal would keep it for sigwait(3),
  /// so it is not blocked. SIGPIPE and SIGXFSZ (`ulimit -f`) are ignored from here on: both are errors
  /// of write(2), EPIPE and EFBIG, to be met in order. So is SIGUSR1, which log rotation sends: log files
  /// are looked for at each line (``LogFile``).
  package static func onSignals() -> ShutdownSignal {
    let stop = ShutdownSignal()
    for number in [SIGPIPE, SIGXFSZ, SIGUSR1] { signal(number, SIG_IGN) }
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in awaited where !isIgnored(number) { sigaddset(&signals, number) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    guard startThread({ [signals] in stop.follow(signals) }) else {
      // The signals are blocked: nobody could end this process in order.
      _ = writeAll(Array("\(Fatal.noThread)\n".utf8), to: STDERR_FILENO)
      _exit(Fatal.noThread.code.rawValue)
    }
    return stop
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private func follow(_ signals: sigset_t) {
    var signals = signals
    var information = siginfo_t()
    var stops = RepeatedStop()
    while true {
      let number = sigwaitinfo(&signals, &information)
      if number < 0 {
        guard errno == EINTR else { return }
        continue
      }
      if number == SIGXCPU {
        request(.failed(.noProcessorTime))
        continue
      }
      let sender = information._sifields._kill.si_pid
      if number == SIGQUIT || stops.isSecond(from: sender, now: Time.monotonic()) {
        _exit(ToolExit.interrupted.rawValue)
      }
      request(.interrupted)
    }
  }

  /// Asks everybody to come to an end. The first reason stays, but for a closed pipe: an interruption
  /// may itself have caused it, and a failure must not be passed over for it.
  package func request(_ reason: Reason) {
    let isFirst = state.withLock { state in
      let isFirst = state.reason == nil
      if isFirst { state.since = Time.monotonic() }
      if isFirst || state.reason == .downstreamClosed { state.reason = reason }
      return isFirst
    }
    guard isFirst else { return }
    requested.happen()
  }

  /// Whether an end was requested.
  package var isRequested: Bool { requested.hasHappened }

  package var reason: Reason? { state.withLock { $0.reason } }

  /// Seconds since the request; 0 before it.
  package var age: Double {
    let since = state.withLock { $0.since }
    return since == 0 ? 0 : Double(Time.monotonic() - since) / 1e9
  }

  /// Sleeps until the monotonic time `deadline` (nanoseconds, ``Time/monotonic()``), or until a stop is
  /// requested. Returns whether the deadline was reached. See ``Latch/sleep(until:isPrecise:)``.
  package func sleep(until deadline: Int64, isPrecise: Bool = false) -> Bool {
    requested.sleep(until: deadline, isPrecise: isPrecise)
  }

  /// Sleeps for `seconds`, or until a stop is requested. Returns whether the time passed.
  package func sleep(seconds: Double) -> Bool { requested.sleep(seconds: seconds) }
}

/// Tells a second stop from the same one that comes twice: Slurm and systemd signal each process of a job, and the
/// driver, which is one of them, passes the signal on. Pure.
struct RepeatedStop {
  /// How long after the first one a signal of another sender still means the same, in nanoseconds.
  static let echo: Int64 = 2_000_000_000

  private var first: (sender: pid_t, at: Int64)?

  /// Whether a signal is to end the process at once. `sender` as in sigaction(2): 0 for a terminal's.
  mutating func isSecond(from sender: pid_t, now: Int64) -> Bool {
    guard let first else {
      self.first = (sender, now)
      return false
    }
    return sender == first.sender || now - first.at > Self.echo
  }
}

extension Fatal {
  /// The soft limit on processor time was reached (setrlimit(2), RLIMIT_CPU).
  static let noProcessorTime = Fatal(
    .other, "the limit on processor time is used up (ulimit -t): raise it and run the command again"
  )
}

extension ShutdownSignal {
  /// Asks everybody to come to an end, because of an error that the run cannot go on with. Where an
  /// interruption came first, the run ends by that, and the error, which nobody else would tell, is
  /// logged here.
  package func request(for error: any Error, _ logger: Logger) {
    let fatal = Fatal(describing: error)
    if reason == .interrupted { logger.critical("\(fatal.message)") }
    request(.failed(fatal))
  }
}

extension ShutdownSignal {
  /// How a run of a tool that writes a line for each that it reads has ended: by what stopped it, or else by whether
  /// documents failed. What an earlier tool gave back, because it was stopped, has not failed: that tool says so with its
  /// own status, and one that is told to stop just when it has passed on its last line ends with 0 or 130, never with 3
  /// for that.
  package func exitCode(lines: Int, records: Int, failures: Int, _ logger: Logger) -> ToolExit {
    switch reason {
    case .interrupted: return .interrupted
    case .failed(let fatal):
      logger.critical("\(fatal.message)")
      return fatal.code
    case .downstreamClosed: return .success
    case nil: break
    }
    if lines > 0, records == 0 {
      logger.critical(
        "the input is not JSON lines: expected one JSON object with an \"id\" on each line")
      return .notRecords
    }
    return failures > 0 ? .documentsFailed : .success
  }
}
