import CLI
import Common
import Files
import Glibc
import Index
import Logging
import Page
import Subprocesses

/// What `notify observe` is shown of a stage; it knows what was there before, and decides what is news.
struct Look {
  /// Ids of failed documents that are named.
  private static let newest = 10

  /// What `notify` remembers the stage by.
  let subject: String
  let views: Views
  /// The state folder that was named.
  let state: String?

  /// Shows it. That no receiver can be notified ends no monitor.
  func notify(of monitor: Monitor, _ logger: Logger) {
    do {
      let end = try show(try json(monitor))
      // It has said why, and what waits is kept.
      if end != .status(0), end != .status(ToolExit.unavailable.rawValue) {
        logger.warning("notify \(end)")
      }
    } catch { logger.warning("could not notify: \(Fatal(describing: error).message)") }
  }

  func json(_ monitor: Monitor) throws -> JSON {
    let counts = try views.index.counts(views.selection)
    let failures = try views.index.failures(views.selection, newest: Self.newest)
    var object = monitor.json.object ?? JSONObject()
    object["subject"] = .string(subject)
    object["stage"] = .string(views.subject)
    let done = counts.total - counts.pending - counts.inProgress - counts.unknown
    var documents: JSONObject = ["total": .int(counts.total), "done": .int(done)]
    for (name, count) in counts.named { documents[name] = .int(count) }
    object["documents"] = .object(documents)
    var classes = JSONObject()
    for (name, count) in failures.counts.sorted(by: { $0.key < $1.key }) {
      classes[name] = .int(count)
    }
    object["failures"] = .object(classes)
    object["newest_failures"] = .array(failures.newest.map(JSON.int))
    object["outages"] = .array(
      monitor.outages.map { outage in
        .object([
          "name": .string(outage.name), "reason": .string(outage.reason),
          "advice": .string(outage.advice), "since": .string(Time.timestamp(outage.since)),
        ])
      })
    return .object(object)
  }

  /// Runs `notify observe` with the look as its input, and waits for its end.
  private func show(_ look: JSON) throws -> Launch.End {
    var variables = KnownSecrets.environment()
    if variables["CONVEYOR_NOTIFY_STATE"] == nil, let state {
      variables["CONVEYOR_NOTIFY_STATE"] = state
    }
    // A receiver that is dead keeps the next look back no longer.
    let patience = "CONVEYOR_NOTIFY_PATIENCE"
    variables[patience] = variables[patience] ?? "20s"
    let pipe = try Launch.makePipe()
    let started = Result { () throws(Launch.Failure) in
      try Launch(
        path: "\(ProgramPath.ownFolder)/notify", arguments: ["notify", "observe"],
        environment: variables.map { "\($0.key)=\($0.value)" }, input: pipe.output,
        output: STDERR_FILENO, errors: STDERR_FILENO
      ).start()
    }
    close(pipe.output)
    let process: pid_t
    do {
      // SIGPIPE is ignored: who ends early has said why.
      defer { close(pipe.input) }
      process = try started.get()
      _ = writeAll(look.serialized(), to: pipe.input)
    }
    return Launch.wait(for: process)
  }
}
