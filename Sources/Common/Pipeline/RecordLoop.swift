import Dispatch
import Glibc
import Logging
import Synchronization

/// What a tool does to documents, in one thread: the owner of that thread's connection or file.
package protocol RecordProcessor: ~Copyable, SendableMetatype {
  /// Returns when this worker may take its next line: at once, unless fewer workers are wanted just
  /// now. `isOver` says that there is nothing to wait for any more.
  func waitForTurn(_ isOver: () -> Bool)

  /// Works on one document: adds the tool's member, or throws a ``RecordError``, which the record
  /// then carries, or a ``Fatal``, when the run cannot go on.
  mutating func process(_ record: inout DocumentRecord) throws

  /// The same, where the record may have to wait for something that this thread need not wait for, a commit say:
  /// after `.later`, `finish` is called once, from any thread, with the record or why it failed. Without it,
  /// ``process(_:)`` is done when it returns. What fails later is not shown to ``sawFailure(of:)``.
  mutating func process(
    _ record: inout DocumentRecord, finish: @escaping RecordCompletion
  ) throws -> RecordProgress

  /// How many lines it looks at together where they are there already: those that failed before are passed on, and
  /// ``answer(_:)`` may answer others; what is left has its turn with some worker, one by one. 1 for a tool that
  /// has something to do for each, as ``sawFailure(of:)`` may be.
  static var linesAtOnce: Int { get }

  /// Answers those of the records that need no work: as ``process(_:)`` would, and sooner, because they share what
  /// it costs to find that out. `nil`, or no answer at all, for those that have their turn; that is where errors
  /// are met.
  mutating func answer(_ records: [DocumentRecord]) -> [DocumentRecord?]

  /// Is shown a document that failed, in an earlier tool or in ``process(_:)`` just now. What it
  /// changes is written; what it leaves alone passes with its bytes as they are. Throws ``Fatal``.
  mutating func sawFailure(of record: inout DocumentRecord) throws

  /// Is told of a line that is no record.
  mutating func sawInvalidLine()

  /// Whether it works on, after an interruption, until its input ends: as the end of the pipeline does,
  /// because what arrives there has to be settled.
  static var worksThroughInterruption: Bool { get }
}

/// Takes a record that is done, or the reason why it is not, and whether the same thread calls the next completion
/// at once, so that both records can be written together.
package typealias RecordCompletion =
  @Sendable (_ outcome: Result<DocumentRecord, any Error>, _ moreFollow: Bool) -> Void

/// When a record may be written.
package enum RecordProgress: Sendable {
  /// It is done.
  case now
  /// When its completion is called.
  case later
}

extension RecordProcessor where Self: ~Copyable {
  /// Done when it returns.
  package mutating func process(
    _ record: inout DocumentRecord, finish: @escaping RecordCompletion
  ) throws -> RecordProgress {
    try process(&record)
    return .now
  }

  /// Nothing: all workers work all the time.
  package func waitForTurn(_ isOver: () -> Bool) {}

  /// One by one.
  package static var linesAtOnce: Int { 1 }

  /// None: each has its turn.
  package mutating func answer(_ records: [DocumentRecord]) -> [DocumentRecord?] { [] }

  /// Nothing: a failed document passes through.
  package mutating func sawFailure(of record: inout DocumentRecord) throws {}

  /// Nothing: an invalid line passes through.
  package mutating func sawInvalidLine() {}

  /// No: what has not begun when the run is stopped is passed on as interrupted.
  package static var worksThroughInterruption: Bool { false }
}

/// One line in, one line out, whatever happens: reads records, has workers work on them, writes
/// them, and knows how the run ended (promise P10).
package struct RecordLoop: Sendable {
  /// What the lines of the input are.
  package enum Lines: Sendable {
    /// Records.
    case records
    /// Names of files, which become records with the name as `id` and `path`.
    case fileNames
  }

  private let tool: String
  private let workers: Int
  private let stop: ShutdownSignal
  private let input: Int32
  private let output: Int32
  private let lines: Lines
  private let logger: Logger
  private let status: StatusNotice?

  /// A loop for `tool` with `workers` threads (1 or more) from `input` to `output`.
  package init(
    tool: String, workers: Int, stop: ShutdownSignal, logger: Logger,
    input: Int32 = STDIN_FILENO, output: Int32 = STDOUT_FILENO, lines: Lines = .records,
    status: StatusNotice? = nil
  ) {
    self.status = status
    self.tool = tool
    self.workers = workers
    self.stop = stop
    self.logger = logger
    self.input = input
    self.output = output
    self.lines = lines
  }

  /// Runs to the end of the input, or until a stop is requested. `make` is called once in each
  /// thread, with its number from 1.
  package func run<Worker: RecordProcessor & ~Copyable>(
    _ make: @Sendable (_ number: Int) throws -> Worker
  ) -> ToolExit {
    // The tools before the last one need their own grace to pass on what is in flight.
    let grace = Worker.worksThroughInterruption ? 30.0 : 5.0
    let source = LineSource(
      reader: LineReader(descriptor: input, stop: stop, grace: grace), lines: lines, tool: tool,
      stop: stop)
    let writer = LineWriter(descriptor: output, stop: stop)
    let unfinished = DispatchGroup()
    status?.begin(workers: workers) { source.failures.load(ordering: .relaxed) }
    defer { status?.end() }
    withThreads(workers) { number in
      var logger = logger
      logger[metadataKey: "worker"] = "\(number)"
      do {
        var worker = try make(number)
        while true {
          worker.waitForTurn { source.isAtEnd }
          guard let lines = source.next(atMost: Worker.linesAtOnce) else { break }
          status?.began(number)
          let later = Later(loop: self, source: source, writer: writer, unfinished, logger)
          let results =
            switch lines {
            case .one(let line): [handle(line, with: &worker, source, later, logger)]
            case .several(let lines): look(at: lines, with: &worker, source, later, logger)
            }
          status?.ended(number, documents: results.count)
          let written = results.compactMap(\.self)
          if !written.isEmpty, !writer.write(written) { break }
        }
      } catch {
        stop.request(for: error, logger)
      }
    }
    unfinished.wait()
    let seen = source.seen()
    return stop.exitCode(
      lines: seen.lines, records: seen.json, failures: source.failures.load(ordering: .relaxed),
      logger)
  }

  /// Passes on and answers what needs no worker, and gives the rest back.
  private func look<Worker: RecordProcessor & ~Copyable>(
    at lines: [InputLine], with worker: inout Worker, _ source: LineSource, _ later: Later,
    _ logger: Logger
  ) -> [[UInt8]?] {
    var results: [[UInt8]?] = []
    var rest: [InputLine] = []
    var records: [DocumentRecord] = []
    for line in lines {
      if case .record(let record) = line {
        records.append(record)
        rest.append(line)
      } else {
        results.append(handle(line, with: &worker, source, later, logger))
      }
    }
    let answers = records.isEmpty || stop.isRequested ? [] : worker.answer(records)
    var unanswered: [InputLine] = []
    for (index, line) in rest.enumerated() {
      if index < answers.count, let answer = answers[index] {
        results.append(JSON.object(answer.fields).serialized())
      } else {
        unanswered.append(line)
      }
    }
    source.giveBack(unanswered)
    return results
  }

  private func handle<Worker: RecordProcessor & ~Copyable>(
    _ line: InputLine, with worker: inout Worker, _ source: LineSource, _ later: Later,
    _ logger: Logger
  ) -> [UInt8]? {
    switch line {
    case .invalid(let json, _):
      source.failures.add(1, ordering: .relaxed)
      worker.sawInvalidLine()
      return json.serialized()
    case .failed(var record, let line):
      source.count(record.error?.kind)
      let before = record.fields
      show(&record, to: &worker)
      return record.fields == before ? line : JSON.object(record.fields).serialized()
    case .record(var record):
      let before = record
      do {
        if stop.isRequested, !Worker.worksThroughInterruption { throw RecordError.stopped }
        if case .later = try later.begin({ try worker.process(&record, finish: $0) }, before) {
          return nil
        }
      } catch {
        record = before
        if fail(&record, for: error, source, logger) { show(&record, to: &worker) }
      }
      return JSON.object(record.fields).serialized()
    }
  }

  /// Gives a record its error, and counts it. False where the run cannot go on.
  private func fail(
    _ record: inout DocumentRecord, for error: any Error, _ source: LineSource, _ logger: Logger
  ) -> Bool {
    // What fails for want of memory is not the document's fault, whatever it looks like.
    let error = AddressSpace.isUsedUp ? Fatal.noMemory : error
    let failure = RecordError(describing: error, tool: tool)
    if error is Fatal { stop.request(for: error, logger) }
    record.error = failure
    if failure.kind != .interrupted {
      logger.error("\(record.label): \(failure.kind.rawValue): \(failure.message)")
    }
    source.count(failure.kind)
    return !(error is Fatal)
  }

  private func show<Worker: RecordProcessor & ~Copyable>(
    _ record: inout DocumentRecord, to worker: inout Worker
  ) {
    do {
      try worker.sawFailure(of: &record)
    } catch {
      stop.request(for: error, logger)
    }
  }
}

extension RecordLoop {
  /// Writes a record that its worker has left to another thread.
  private struct Later: Sendable {
    let loop: RecordLoop
    let source: LineSource
    let writer: LineWriter
    let unfinished: DispatchGroup
    let logger: Logger

    init(
      loop: RecordLoop, source: LineSource, writer: LineWriter, _ unfinished: DispatchGroup,
      _ logger: Logger
    ) {
      self.loop = loop
      self.source = source
      self.writer = writer
      self.unfinished = unfinished
      self.logger = logger
    }

    /// Has a record worked on that looked like `before`; the run does not end before its completion was called.
    func begin(
      _ work: (@escaping RecordCompletion) throws -> RecordProgress, _ before: DocumentRecord
    ) throws -> RecordProgress {
      unfinished.enter()
      var progress = RecordProgress.now
      defer { if case .now = progress { unfinished.leave() } }
      progress = try work { outcome, moreFollow in
        finish(outcome, before, moreFollow)
        unfinished.leave()
      }
      return progress
    }

    private func finish(
      _ outcome: Result<DocumentRecord, any Error>, _ before: DocumentRecord, _ moreFollow: Bool
    ) {
      var record = before
      do { record = try outcome.get() } catch {
        _ = loop.fail(&record, for: error, source, logger)
      }
      writer.write([JSON.object(record.fields).serialized()], moreFollow: moreFollow)
    }
  }
}
