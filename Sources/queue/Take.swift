import ArgumentParser
import CLI
import Common
import Glibc
import Logging
import Synchronization

/// `queue take`: the beginning of a worker machine's pipeline.
struct TakeCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "take",
    abstract: "Write records from the queue, for the tools of a worker machine.",
    usage: "queue take URL [OPTION]…",
    discussion: """
      Ends when it is stopped: what its pipeline has is answered first, and what is left is another machine's.

        queue take redis://head/0 --queue mid --in-flight 40 | fetch … | upload … | queue give redis://head/0 --queue mid

      \(ToolExit.table)
      """)

  @OptionGroup var place: QueueOptions

  @Option(
    help: ArgumentHelp("Have at most this many records that are not answered.", valueName: "n"))
  var inFlight = 40

  @Option(
    help: .rare(
      "Leave a record to another machine when it was not answered for this long.", valueName: "time"
    ))
  var deadline = TimeSpan(seconds: 3600)

  @Option(
    help: ArgumentHelp(
      "End when there was nothing to do for this long. (default: when it is stopped)",
      valueName: "time"))
  var idle: TimeSpan?

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard (1...100_000).contains(inFlight) else {
      throw ValidationError("--in-flight must be from 1 to 100000; it is \(inFlight).")
    }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let taker = Taker(
      queue: try place.open(stop, logger), inFlight: inFlight, deadline: deadline.seconds,
      idle: idle?.seconds, stop: stop, logger: logger)
    return try taker.run(output: STDOUT_FILENO)
  }
}

/// Takes entries, writes them as records, and renews them until `queue give` has answered.
final class Taker: Sendable {
  private let queue: WorkQueue
  private let inFlight: Int
  private let deadline: Double
  private let idle: Double?
  private let stop: ShutdownSignal
  private let logger: Logger
  private let consumer = Participant.name()
  /// What is held, and since when.
  private let held = Mutex<[String: Int64]>([:])

  /// After a stop, the pipeline gets this long to answer, in seconds.
  private static let grace = 30.0
  /// How long one question waits for new entries, in seconds; a stop waits as long.
  private static let wait = 0.5

  init(
    queue: WorkQueue, inFlight: Int, deadline: Double, idle: Double?, stop: ShutdownSignal,
    logger: Logger
  ) {
    (self.queue, self.inFlight, self.deadline) = (queue, inFlight, deadline)
    (self.idle, self.stop, self.logger) = (idle, stop, logger)
  }

  /// Runs until a stop, or until there was nothing to do for long enough.
  func run(output: Int32) throws -> ToolExit {
    let writer = LineWriter(descriptor: output, stop: stop)
    let ended = Latch()
    try queue.note(consumer, details: Participant.details)
    try withCompanion({ self.keepAlive(until: ended) }) {
      defer { ended.happen() }
      do {
        try takeAll(writer)
        writer.close()
        try leave()
      } catch { stop.request(for: error, logger) }
    }
    return try stop.exitCode()
  }

  private func takeAll(_ writer: LineWriter) throws(Fatal) {
    var cursor = "0-0"
    var lastWork = Time.monotonic()
    var lastSearch: Int64 = 0
    var pause = 0.002
    while !stop.isRequested {
      let room = inFlight - held.withLock { $0.count }
      // A quarter at a time: more would starve the neighbours.
      let count = max(1, min(room, inFlight / 4))
      guard room > 0, room >= count else {
        try forgetAnswered(&pause)
        continue
      }
      // New ones are waited for; now and then those of machines that have gone are looked for.
      let mustSearch = Time.monotonic() - lastSearch > 1_000_000_000
      if mustSearch { lastSearch = Time.monotonic() }
      let entries =
        mustSearch
        ? try queue.take(for: consumer, count: count, cursor: &cursor)
        : try queue.wait(for: consumer, count: count, seconds: Self.wait)
      if entries.isEmpty {
        try forgetAnswered(&pause)
        let quiet = Double(Time.monotonic() - lastWork) / 1e9
        if let idle, quiet > idle, held.withLock({ $0.isEmpty }) { return }
      } else {
        (lastWork, pause) = (Time.monotonic(), 0.002)
        try write(entries, writer)
      }
      if held.withLock({ $0.count }) >= inFlight { try forgetAnswered(&pause) }
    }
  }

  /// Looks which entries are answered; where all are still held, sleeps a little longer each time.
  private func forgetAnswered(_ pause: inout Double) throws(Fatal) {
    let pending = try queue.held(by: consumer)
    let answered = held.withLock { held in
      let before = held.count
      held = held.filter { pending.contains($0.key) }
      return before - held.count
    }
    if answered > 0 {
      pause = 0.002
    } else if !held.withLock({ $0.isEmpty }) {
      _ = stop.sleep(seconds: pause)
      pause = min(pause * 1.5, 0.25)
    }
  }

  private func write(_ entries: [WorkQueue.Entry], _ writer: LineWriter) throws(Fatal) {
    var lines: [[UInt8]] = []
    for entry in try living(entries) {
      guard entry.delivery <= WorkQueue.mostDeliveries else {
        try answerLost(entry)
        continue
      }
      guard let line = Self.line(entry, consumer) else {
        _ = try queue.give([.init(entry, by: consumer, line: entry.line)])
        continue
      }
      held.withLock { $0[entry.id] = Time.monotonic() }
      lines.append(line)
    }
    writer.write(lines)
  }

  /// Those whose heads live; what a head has left is dropped, at no cost to the portal.
  private func living(_ entries: [WorkQueue.Entry]) throws(Fatal) -> [WorkQueue.Entry] {
    var alive: [String: Bool] = [:]
    for run in Set(entries.map(\.run)) { alive[run] = try queue.isAlive(run) }
    let dead = entries.filter { alive[$0.run] != true }
    if !dead.isEmpty {
      try queue.drop(dead, of: consumer)
      logger.notice("dropped \(Format.counted(dead.count, "record")) whose head has gone")
    }
    return entries.filter { alive[$0.run] == true }
  }

  /// Whatever it is, it ends those who work on it.
  private func answerLost(_ entry: WorkQueue.Entry) throws(Fatal) {
    var line = entry.line
    if let record = DocumentRecord(line: line) {
      let error = RecordError(
        .internal,
        "lost with \(WorkQueue.mostDeliveries) workers: each ended or did not answer while it had it"
      )
      logger.error("\(record.label): \(error.message)")
      line = record.line(failing: error)
    }
    _ = try queue.give([.init(entry, by: consumer, line: line)])
  }

  /// The record, with what `queue give` has to know.
  private static func line(_ entry: WorkQueue.Entry, _ consumer: String) -> [UInt8]? {
    guard var record = DocumentRecord(line: entry.line) else {
      return nil
    }
    record.fields["queue"] = Ticket(entry, consumer).json
    return JSON.object(record.fields).serialized()
  }

  /// Renews what is held, and says who is here.
  private func keepAlive(until ended: Latch) {
    while ended.sleep(seconds: queue.renewal) {
      do {
        let oldest = Time.monotonic() - Int64(deadline * 1e9)
        let ids = held.withLock { held in held.filter { $0.value > oldest }.keys.sorted() }
        try queue.renew(ids, of: consumer)
        try queue.note(consumer, details: Participant.details)
      } catch { stop.request(for: error, logger) }
    }
  }

  /// Waits until the pipeline has answered, and lets others have the rest.
  private func leave() throws(Fatal) {
    let began = Time.monotonic()
    // Who reads our output has ended: what it had is lost with it, and what stands behind it is soon answered.
    let patience = stop.reason == .downstreamClosed ? 5.0 : Self.grace
    var pause = 0.002
    while !held.withLock({ $0.isEmpty }), Double(Time.monotonic() - began) / 1e9 < patience {
      let before = held.withLock { $0.count }
      try forgetAnswered(&pause)
      // `forgetAnswered` does not sleep once a stop was requested.
      if held.withLock({ $0.count }) == before { usleep(20_000) }
    }
    let left = held.withLock { $0.keys.sorted() }
    let released = try queue.release(left, of: consumer)
    if released > 0 {
      logger.notice("released \(Format.counted(released, "record")) that were not answered")
    }
    try queue.leave(consumer)
  }
}

/// What a record carries from `queue take` to `queue give`, under `queue`.
struct Ticket: Equatable {
  let entry: String
  let delivery: Int
  let consumer: String
  let run: String
  let number: Int

  init(_ entry: WorkQueue.Entry, _ consumer: String) {
    (self.entry, delivery, run) = (entry.id, entry.delivery, entry.run)
    (number, self.consumer) = (entry.number, consumer)
  }

  /// `nil` for a record that did not come from `queue take`: also where it names an entry by what is no id of a stream,
  /// for which Redis has an error, and no answer.
  init?(_ record: DocumentRecord) {
    guard let member = record["queue"], let entry = member["entry"]?.string, Self.isID(entry),
      let delivery = member["delivery"]?.int, let consumer = member["consumer"]?.string,
      let run = member["run"]?.string, let number = member["number"]?.int
    else { return nil }
    (self.entry, self.delivery, self.consumer) = (entry, delivery, consumer)
    (self.run, self.number) = (run, number)
  }

  /// Milliseconds since 1970 and a number, as Redis makes them: `1795000000000-0`.
  private static func isID(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return parts.count == 2
      && parts.allSatisfy { part in
        part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt64(part) != nil
      }
  }

  var json: JSON {
    .object([
      "entry": .string(entry), "delivery": .int(delivery), "consumer": .string(consumer),
      "run": .string(run), "number": .int(number),
    ])
  }
}
