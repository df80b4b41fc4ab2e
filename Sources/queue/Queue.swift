import ArgumentParser
import CLI
import Common
import Glibc
import Logging

/// The command `queue`: a stage of the pipeline that is on other machines.
@main
struct Queue: Tool {
  static let configuration = CommandConfiguration(
    commandName: "queue",
    abstract: "Let other machines work on records, over Redis.",
    usage: "queue send|take|give|recover|status URL [OPTION]…",
    discussion: """
      One line in, one line out: `send` puts each record into a queue and writes it when a worker machine has
      answered. There, `take` writes records for the tools behind it, and `give` answers.

        enqueue … | queue send redis://head/0 --queue mid | validate --settle …
        queue take redis://head/0 --queue mid | fetch … | upload … | queue give redis://head/0 --queue mid

      A password is best kept in a file: CONVEYOR_REDIS_PASSWORD_FILE. docs/fleet.md has the rest.

      \(ToolExit.table)
      """,
    subcommands: [
      SendCommand.self, TakeCommand.self, GiveCommand.self, RecoverCommand.self,
      StatusCommand.self,
    ])

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    throw Fatal(.usage, "what to do with the queue? send, take, give, recover or status.")
  }
}

/// Which queue it is.
struct QueueOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "Use redis://USER@HOST/0, rediss://… or unix:/PATH. (default: --fleet)", valueName: "url"))
  var url: String?

  @Option(help: ArgumentHelp("The same, as an option.", valueName: "url"))
  var fleet: String?

  @Option(help: ArgumentHelp("Use the queue of this name.", valueName: "name"))
  var queue = "default"

  @Option(help: .rare("Wait this long for a Redis that is away, then end.", valueName: "time"))
  var patience = TimeSpan(seconds: 120)

  @Option(
    help: .rare(
      "Take over from a machine that gave no sign for this long; the same on all machines.",
      valueName: "time"))
  var takeover = TimeSpan(seconds: WorkQueue.usualSilence)

  /// The queue. Throws with exit code 64, 69, 77 or 78.
  func open(_ stop: ShutdownSignal, _ logger: Logger) throws(Fatal) -> WorkQueue {
    guard let url = url ?? fleet else {
      throw Fatal(.usage, "which Redis? Name it: queue … redis://HOST/0, or --fleet URL.")
    }
    return try WorkQueue(
      url, name: queue, retryTimeout: patience.seconds,
      silence: max(1, takeover.seconds), stop: stop
    ) {
      logger.warning("\($0)")
    }
  }
}

/// What names this process to others: its machine, its number, and 64 random bits, so that no two have one name.
enum Participant {
  static func name() -> String {
    let random = Format.padded(String(UInt64.random(in: .min ... .max), radix: 16), 16)
    let host = ProcessIdentity.hostName.filter {
      $0.isASCII && ($0.isLetter || $0.isNumber || "-.".contains($0))
    }
    return "\(host)-\(getpid())-\(random)"
  }

  /// Who it is, and since when, for those who look.
  static let details = JSON.object([
    "host": .string(ProcessIdentity.hostName),
    "process": .string(ProcessIdentity.this?.description ?? ""),
    "since": .string(Time.timestamp()),
  ])

  /// Whether who left these details has ended, as far as it can be seen from here.
  static func isDead(_ details: JSON) -> Bool {
    guard let here = ProcessIdentity.this,
      let process = details["process"]?.string.flatMap(ProcessIdentity.init)
    else { return false }
    return process.isDead(seenFrom: here)
  }
}

/// `queue recover`: what the workers answered to heads that have gone.
struct RecoverCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: "Write the answers to heads that were killed, and clear what they left.",
    usage: "queue recover URL [OPTION]…",
    discussion: """
      To be settled before leases are taken back:

        queue recover redis://head/0 --queue mid | validate --settle --index postgres: --no-records

      A head counts as gone when nothing was heard of it for a minute, or when its process on this machine has ended.

      \(ToolExit.table)
      """)

  @OptionGroup var place: QueueOptions

  @Option(
    help: ArgumentHelp("Wait this long for answers that are being worked on.", valueName: "time"))
  var wait = TimeSpan(seconds: 60)

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let queue = try place.open(stop, logger)
    let writer = LineWriter(descriptor: STDOUT_FILENO, stop: stop)
    let deadline = Time.monotonic() + Int64(wait.seconds * 1e9)
    var count = 0
    for run in try queue.deadRuns(Participant.isDead) {
      var isOver = false
      while !isOver, !stop.isRequested {
        // In this order: who answers afterwards is still seen as one who works.
        let held = try queue.clear(run)
        count += try write(resultsOf: run, queue, writer)
        if held == 0 { try queue.end(run) }
        isOver = held == 0 || Time.monotonic() > deadline || !stop.sleep(seconds: 0.2)
      }
    }
    if count > 0 { logger.notice("recovered \(Format.counted(count, "answer"))") }
    return try stop.exitCode()
  }

  private func write(
    resultsOf run: String, _ queue: WorkQueue, _ writer: LineWriter
  ) throws(Fatal) -> Int {
    var count = 0
    while true {
      let results = try queue.results(run, count: 100, waiting: 0)
      guard !results.isEmpty, writer.write(results.map(\.line)) else { return count }
      count += results.count
      try queue.forget(results, of: run)
    }
  }
}

/// `queue status`.
struct StatusCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Print what waits, who works and who waits for it, as JSON.",
    usage: "queue status URL [OPTION]…", discussion: ToolExit.table)

  @OptionGroup var place: QueueOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let queue = try place.open(stop, logger)
    return try stop.print([try queue.status().description])
  }
}

extension DocumentRecord {
  /// The record that a line is; `nil` where it is none.
  init?(line: [UInt8]) {
    guard let json = try? JSON(parsing: line), let record = try? DocumentRecord(json) else {
      return nil
    }
    self = record
  }

  /// The line of the record with an error that this tool has met.
  func line(failing error: RecordError) -> [UInt8] {
    var record = self
    record.error = error.met(by: "queue")
    return JSON.object(record.fields).serialized()
  }
}
