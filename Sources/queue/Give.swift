import ArgumentParser
import CLI
import Common
import Glibc
import Logging

/// `queue give`: the end of a worker machine's pipeline.
struct GiveCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "give",
    abstract: "Answer for the records that queue take has written.",
    usage: "queue give URL [OPTION]…",
    discussion: """
      What was not worked on because the machine stops is left to another one. An answer does not count where
      another machine has the record by now.

        queue take … | fetch … | upload … | queue give redis://head/0 --queue mid --spool state/spool --no-records

      \(ToolExit.table)
      """)

  @OptionGroup var place: QueueOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("Answer this many at a time.", valueName: "n"))
  var workers = WorkerCount(8)

  @Option(help: .spool)
  var spool: String?

  @Flag(help: .noRecords)
  var noRecords = false

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let queue = try place.open(stop, logger)
    let answers = GroupCommit<WorkQueue.Answer, Bool> { try queue.give($0) }
    let output = noRecords ? open("/dev/null", O_WRONLY | O_CLOEXEC) : STDOUT_FILENO
    let loop = RecordLoop(
      tool: "queue", workers: workers.value, stop: stop, logger: logger, output: output)
    return loop.run { _ in
      Giver(
        queue: queue, answers: answers, spool: spool.map { SpoolFiles(directory: $0) },
        logger: logger)
    }
  }
}

/// Answers for one record after the other, in one thread; those of all threads go together.
struct Giver: RecordProcessor, ~Copyable {
  static let worksThroughInterruption = true

  let queue: WorkQueue
  let answers: GroupCommit<WorkQueue.Answer, Bool>
  let spool: SpoolFiles?
  let logger: Logger

  func process(_ record: inout DocumentRecord) throws {
    guard let ticket = Ticket(record) else {
      throw RecordError(
        .invalidRecord, "it did not come from queue take: it has no member queue, or another one")
    }
    try give(record, ticket)
  }

  func sawFailure(of record: inout DocumentRecord) throws {
    guard let ticket = Ticket(record) else { return }
    guard record.error?.kind != .interrupted else {
      // Nobody is at fault, and somebody else can begin at once.
      try queue.release([ticket.entry], of: ticket.consumer)
      return
    }
    try give(record, ticket)
  }

  private func give(_ record: DocumentRecord, _ ticket: Ticket) throws {
    let entry = WorkQueue.Entry(
      id: ticket.entry, delivery: ticket.delivery, run: ticket.run, number: ticket.number, line: [])
    let line = JSON.object(record.fields).serialized()
    guard try answers.submit(.init(entry, by: ticket.consumer, line: line)) else {
      logger.warning("\(record.label): the answer does not count: another machine has it by now")
      return
    }
    logger.info("\(record.label): answered")
    // The fetched file saves the next attempt a request, if it comes to this machine.
    if record.error?.isRetryable != true { spool?.removeFiles(of: record, logger) }
  }
}
