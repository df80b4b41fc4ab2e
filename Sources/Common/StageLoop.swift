import Glibc
import Logging
import Synchronization

/// What a tool does to documents, in one thread: the owner of that thread's connection or file.
public protocol StageWorker: ~Copyable, SendableMetatype {
  /// Works on one document: adds the tool's member, or throws a ``RecordError``, which the record
  /// then carries, or a ``Fatal``, when the run cannot go on.
  mutating func process(_ record: inout Record) throws
}

/// One line in, one line out, whatever happens: reads records, has workers work on them, writes
/// them, and knows how the run ended (promise P10).
public struct StageLoop: Sendable {
  private let tool: String
  private let workers: Int
  private let stop: Stop
  private let input: Int32
  private let output: Int32
  private let logger: Logger

  /// A loop for `tool` with `workers` threads (1 or more) from `input` to `output`.
  public init(
    tool: String, workers: Int, stop: Stop, logger: Logger,
    input: Int32 = STDIN_FILENO, output: Int32 = STDOUT_FILENO
  ) {
    self.tool = tool
    self.workers = workers
    self.stop = stop
    self.logger = logger
    self.input = input
    self.output = output
  }

  /// Runs to the end of the input, or until a stop is requested. `make` is called once in each
  /// thread, with its number from 1.
  public func run<Worker: StageWorker & ~Copyable>(
    _ make: @Sendable (_ number: Int) throws -> Worker
  ) -> ExitCode {
    let source = Source(
      lines: LineReader(descriptor: input, stop: stop), tool: tool, stop: stop)
    let writer = LineWriter(descriptor: output, stop: stop)
    withThreads(workers) { number in
      var logger = logger
      logger[metadataKey: "worker"] = "\(number)"
      do {
        var worker = try make(number)
        while let line = source.next() {
          let result = handle(line, with: &worker, source, logger)
          if !writer.write([result]) { break }
        }
      } catch {
        stop.request(.failed(Fatal(describing: error)))
      }
    }
    return exitCode(source)
  }

  private func handle<Worker: StageWorker & ~Copyable>(
    _ line: InputLine, with worker: inout Worker, _ source: Source, _ logger: Logger
  ) -> [UInt8] {
    switch line {
    case .invalid(let json, _):
      source.failures.add(1, ordering: .relaxed)
      return json.serialized()
    case .failed(_, let line):
      source.failures.add(1, ordering: .relaxed)
      return line
    case .record(var record):
      let before = record
      do {
        if stop.isRequested { throw RecordError.stopped }
        try worker.process(&record)
      } catch {
        record = before
        let failure = RecordError(describing: error, tool: tool)
        if let fatal = error as? Fatal { stop.request(.failed(fatal)) }
        record.error = failure
        if failure.kind != .interrupted {
          logger.error("\(record.id): \(failure.kind.rawValue): \(failure.message)")
        }
        source.failures.add(1, ordering: .relaxed)
      }
      return JSON.object(record.fields).serialized()
    }
  }

  private func exitCode(_ source: Source) -> ExitCode {
    switch stop.reason {
    case .interrupted: return .interrupted
    case .failed(let fatal):
      logger.critical("\(fatal.message)")
      return fatal.code
    case .downstreamClosed: return .success
    case nil: break
    }
    let seen = source.seen()
    if seen.lines > 0, seen.json == 0 {
      logger.critical(
        "the input is not JSON lines: expected one JSON object with an \"id\" on each line")
      return .notRecords
    }
    return source.failures.load(ordering: .relaxed) > 0 ? .documentsFailed : .success
  }
}

/// Where all threads of a stage pull their lines from.
private final class Source: Sendable {
  private struct State {
    var lines: LineReader
    var count = 0
    var json = 0
  }

  private let state: Mutex<State>
  private let tool: String
  private let stop: Stop
  let failures = Atomic<Int>(0)

  init(lines: consuming sending LineReader, tool: String, stop: Stop) {
    state = Mutex(State(lines: lines))
    self.tool = tool
    self.stop = stop
  }

  func next() -> InputLine? {
    let read = state.withLock { state -> (LineReader.Line, Int)? in
      if case .failed = stop.reason { return nil }
      if stop.reason == .downstreamClosed { return nil }
      do throws(Fatal) {
        guard let line = try state.lines.next() else { return nil }
        state.count += 1
        return (line, state.count)
      } catch {
        stop.request(.failed(error))
        return nil
      }
    }
    guard let (line, number) = read else { return nil }
    let parsed =
      switch line {
      case .line(let bytes): InputLine(bytes, number: number, tool: tool)
      case .tooLong(let prefix): InputLine(tooLong: prefix, number: number, tool: tool)
      }
    if case .invalid(_, isJSON: false) = parsed { return parsed }
    state.withLock { $0.json += 1 }
    return parsed
  }

  func seen() -> (lines: Int, json: Int) { state.withLock { ($0.count, $0.json) } }
}

extension RecordError {
  /// What a document gets that was not worked on because the run is ending.
  public static let stopped = RecordError(.interrupted, "not worked on: the run was stopped")

  /// Any error, as a record carries it.
  init(describing error: any Error, tool: String) {
    switch error {
    case let error as RecordError: self = error.met(by: tool)
    case let error as Fatal: self.init(tool: tool, .local, error.message)
    default: self.init(tool: tool, .internal, "\(error)")
    }
  }
}

extension Fatal {
  /// Any error, as the end of a run.
  public init(describing error: any Error) {
    self = error as? Fatal ?? Fatal(.other, "\(error)")
  }
}
