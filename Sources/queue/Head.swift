import Common
import Dispatch
import Logging
import Synchronization

/// Delegates lines to the queue, and writes what comes back. One thread reads and sends, one collects, one says that
/// the head lives.
final class Head: Sendable {
  private let queue: WorkQueue
  private let stop: ShutdownSignal
  private let logger: Logger
  private let run = Participant.name()
  private let room: DispatchSemaphore
  private let state = Mutex(State())

  /// After a stop, who works on a document gets this long to answer, in seconds: `enqueue` gives all tools eight.
  private static let grace = 6.0
  /// So often it is looked whether Redis still has what is out, in seconds.
  private static let auditInterval = 30.0
  /// Lines that are sent together.
  private static let batch = 100

  private struct Sent {
    let id: String
    let line: [UInt8]
  }

  private struct State {
    /// What is out, by number.
    var out: [Int: Sent] = [:]
    var sent = 0
    /// How many have come back.
    var answered = 0
    /// Whether nothing more will be sent.
    var isAtEnd = false
    var failures = 0
    var lines = 0
    var records = 0
  }

  init(queue: WorkQueue, window: Int, stop: ShutdownSignal, logger: Logger) {
    (self.queue, self.stop, self.logger) = (queue, stop, logger)
    // Not made with that value: libdispatch ends a process that lets go of a semaphore which is lower than it began,
    // as where reading fails between taking room and sending.
    room = DispatchSemaphore(value: 0)
    for _ in 0..<window { room.signal() }
  }

  /// Runs until the input has ended and everything has come back, or until a stop is requested.
  func run(input: Int32, output: Int32) throws -> ToolExit {
    let writer = LineWriter(descriptor: output, stop: stop)
    let ended = Latch()
    try live()
    try withCompanion({ self.keepAlive(until: ended) }) {
      defer { ended.happen() }
      try withCompanion({ self.collect(into: writer) }) { self.feed(from: input, writer) }
      // What was read while the collecting failed.
      giveBack(state.withLock { $0.out.keys.sorted() }, writer)
    }
    let (lines, records, failures) = state.withLock { ($0.lines, $0.records, $0.failures) }
    return stop.exitCode(lines: lines, records: records, failures: failures, logger)
  }

  // MARK: Sending

  /// Reads lines and sends them, as far as there is room.
  private func feed(from input: Int32, _ writer: LineWriter) {
    defer { state.withLock { $0.isAtEnd = true } }
    var reader = LineReader(descriptor: input, stop: stop)
    do {
      while true {
        var batch: [[UInt8]] = []
        repeat {
          guard waitForRoom(isFirst: batch.isEmpty) else { break }
          guard let line = try reader.next() else {
            room.signal()
            try send(batch)
            return
          }
          guard let record = delegable(line, writer) else {
            room.signal()
            continue
          }
          batch.append(record)
        } while batch.count < Self.batch && reader.hasBufferedLine
        try send(batch)
        if let reason = stop.reason, reason != .interrupted { return }
      }
    } catch { stop.request(for: error, logger) }
  }

  /// Waits for a record to come back where the window is full. Only the first of a batch waits.
  private func waitForRoom(isFirst: Bool) -> Bool {
    guard isFirst else { return room.wait(timeout: .now()) == .success }
    while room.wait(timeout: .now() + 0.2) != .success {
      // What comes now is passed on as not worked on, which needs no room.
      if stop.isRequested {
        room.signal()
      }
    }
    return true
  }

  /// The line, where it is a record to work on; anything else goes on at once.
  private func delegable(_ line: LineReader.Line, _ writer: LineWriter) -> [UInt8]? {
    let number = state.withLock { state in
      state.lines += 1
      return state.lines
    }
    let parsed =
      switch line {
      case .line(let bytes): InputLine(bytes, number: number, tool: "queue")
      case .tooLong(let prefix): InputLine(tooLong: prefix, number: number, tool: "queue")
      }
    switch parsed {
    case .invalid(let json, let isJSON):
      count(isJSON: isJSON, nil, isFailure: true)
      writer.write([json.serialized()])
    case .failed(let record, let bytes):
      count(isJSON: true, record.error?.kind, isFailure: true)
      writer.write([bytes])
    case .record(let record):
      count(isJSON: true, nil, isFailure: false)
      guard !stop.isRequested else {
        writer.write([record.line(failing: .stopped)])
        return nil
      }
      if case .line(let bytes) = line { return bytes }
    }
    return nil
  }

  private func count(isJSON: Bool, _ kind: ErrorClass?, isFailure: Bool) {
    state.withLock { state in
      state.records += isJSON ? 1 : 0
      state.failures += isFailure && kind != .interrupted ? 1 : 0
    }
  }

  /// What is out is known before it is sent: an answer may come at once.
  private func send(_ lines: [[UInt8]]) throws(Fatal) {
    guard !lines.isEmpty else { return }
    let numbers = state.withLock { state in
      lines.map { line in
        state.sent += 1
        state.out[state.sent] = Sent(id: "", line: line)
        return state.sent
      }
    }
    try send(Array(zip(numbers, lines)))
  }

  private func send(_ items: [(number: Int, line: [UInt8])]) throws(Fatal) {
    let ids = try queue.send(items, run: run)
    state.withLock { state in
      for (item, id) in zip(items, ids) where state.out[item.number] != nil {
        state.out[item.number] = Sent(id: id, line: item.line)
      }
    }
  }

  // MARK: Collecting

  /// Writes what comes back until nothing is out and nothing more will be.
  private func collect(into writer: LineWriter) {
    do {
      var server = try queue.serverStart()
      var lastAudit = Time.monotonic()
      var lastAnswered = -1
      while !isDone, !isOver {
        _ = try read(waiting: 0.5, writer)
        let now = try queue.serverStart()
        let age = Double(Time.monotonic() - lastAudit) / 1e9
        guard now != server || age > Self.auditInterval else { continue }
        (server, lastAudit) = (now, Time.monotonic())
        try audit(writer)
        let answered = state.withLock { $0.answered }
        if answered == lastAnswered { try reportIdle() }
        lastAnswered = answered
      }
      try end(writer)
    } catch {
      stop.request(for: error, logger)
      giveBack(state.withLock { Array($0.out.keys) }, writer)
    }
  }

  private var isDone: Bool { state.withLock { $0.isAtEnd && $0.out.isEmpty } }
  private var isOver: Bool {
    switch stop.reason {
    case nil: false
    case .interrupted: state.withLock { $0.isAtEnd }
    default: true
    }
  }

  /// Writes results, and forgets them then; returns whether there were any.
  private func read(waiting: Double, _ writer: LineWriter) throws(Fatal) -> Bool {
    let results = try queue.results(run, count: 200, waiting: waiting)
    guard !results.isEmpty else { return false }
    // A second answer, to what was sent again, is none.
    let lines = results.compactMap { accept($0) }
    writer.write(lines)
    for _ in lines { room.signal() }
    try queue.forget(results, of: run)
    return true
  }

  /// The line to go on with for a result; `nil` where nobody asked, or has been answered.
  private func accept(_ result: WorkQueue.Result) -> [UInt8]? {
    guard let sent = state.withLock({ $0.out.removeValue(forKey: result.number) }) else {
      return nil
    }
    switch InputLine(result.line, number: result.number, tool: "queue") {
    case .record(let record) where record.id == DocumentRecord(line: sent.line)?.id:
      return result.line
    case .failed(let record, _) where record.id == DocumentRecord(line: sent.line)?.id:
      count(isJSON: false, record.error?.kind, isFailure: true)
      return result.line
    default:
      count(isJSON: false, .internal, isFailure: true)
      let error = RecordError(.internal, "a worker's answer is not the record that it was given")
      return DocumentRecord(line: sent.line)?.line(failing: error) ?? sent.line
    }
  }

  /// Sends again what Redis has lost: what is neither in the queue nor among the results.
  private func audit(_ writer: LineWriter) throws(Fatal) {
    let ids = state.withLock { $0.out.mapValues(\.id) }
    let gone = try queue.missing(ids.values.filter { !$0.isEmpty })
    // An answer is in the results before its entry leaves the queue.
    while try read(waiting: 0, writer) {}
    let lost = state.withLock { state in
      ids.filter { gone.contains($0.value) && state.out[$0.key]?.id == $0.value }.keys.sorted()
        .compactMap { number in state.out[number].map { (number, $0.line) } }
    }
    guard !lost.isEmpty else { return }
    logger.warning("Redis has lost \(Format.counted(lost.count, "record")), which are sent again")
    for first in stride(from: 0, to: lost.count, by: Self.batch) {
      try send(Array(lost[first..<min(first + Self.batch, lost.count)]))
    }
  }

  /// Nothing has come back between two looks: says so where there is nobody to answer.
  private func reportIdle() throws(Fatal) {
    guard state.withLock({ !$0.out.isEmpty }),
      try queue.status()["workers"]?.array?.isEmpty ?? true
    else { return }
    logger.warning(
      "no worker takes anything from the queue. Start some: conveyor work --fleet URL --stage NAME --to URL."
    )
  }

  // MARK: The end

  /// Takes back what waits, lets those who work answer, and ends the run.
  private func end(_ writer: LineWriter) throws(Fatal) {
    try takeBack(all: false, writer)
    while stop.reason == .interrupted, !isDone, stop.age < Self.grace {
      _ = try read(waiting: 0.2, writer)
    }
    try takeBack(all: true, writer)
    while try read(waiting: 0, writer) {}
    giveBack(state.withLock { Array($0.out.keys) }, writer)
    try queue.end(run)
  }

  private func takeBack(all: Bool, _ writer: LineWriter) throws(Fatal) {
    let out = state.withLock { $0.out.mapValues(\.id) }
    guard !out.isEmpty else { return }
    let gone = try queue.withdraw(out.values.filter { !$0.isEmpty }, all: all)
    giveBack(out.filter { gone.contains($0.value) }.keys.sorted(), writer)
  }

  /// Passes records on as not worked on.
  private func giveBack(_ numbers: [Int], _ writer: LineWriter) {
    let lines = state.withLock { state in
      numbers.compactMap { state.out.removeValue(forKey: $0)?.line }
    }
    writer.write(lines.map { line in DocumentRecord(line: line)?.line(failing: .stopped) ?? line })
    for _ in lines { room.signal() }
  }

  private func live() throws(Fatal) {
    try queue.live(run, details: Participant.details)
  }

  /// Says that the head lives, also while nobody reads what it writes.
  private func keepAlive(until ended: Latch) {
    while ended.sleep(seconds: queue.renewal) {
      do { try live() } catch { stop.request(for: error, logger) }
    }
  }
}
