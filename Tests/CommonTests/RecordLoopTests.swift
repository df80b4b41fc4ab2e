import Common
import Glibc
import Logging
import Synchronization
import Testing

/// What a test's worker does with a document, called from many threads.
private struct TestWorker: RecordProcessor {
  let work: @Sendable (inout DocumentRecord) throws -> Void

  mutating func process(_ record: inout DocumentRecord) throws { try work(&record) }
}

/// One whose documents are done in other threads, a moment later.
private struct PatientWorker: RecordProcessor {
  let work: @Sendable (inout DocumentRecord) throws -> Void

  mutating func process(_ record: inout DocumentRecord) throws { try work(&record) }

  mutating func process(
    _ record: inout DocumentRecord, finish: @escaping RecordCompletion
  ) throws -> RecordProgress {
    if record.id == "now" {
      try work(&record)
      return .now
    }
    let isStarted = startThread { [record, work] in
      sched_yield()
      finish(
        Result {
          var record = record
          try work(&record)
          return record
        }, false)
    }
    guard isStarted else { throw Fatal(.other, "no thread") }
    return .later
  }
}

@Suite("One line in, one line out")
struct StageLoopTests {
  private let input = Ends()
  private let output = Ends()
  private let stop = ShutdownSignal()

  init() { signal(SIGPIPE, SIG_IGN) }

  private func run(
    workers: Int = 3, _ work: @escaping @Sendable (inout DocumentRecord) throws -> Void
  ) -> ToolExit {
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let loop = RecordLoop(
      tool: "tester", workers: workers, stop: stop, logger: quiet,
      input: input.reader, output: output.writer)
    let code = loop.run { _ in TestWorker(work: work) }
    output.closeWriter()
    return code
  }

  private func send(_ lines: String...) {
    input.send(bytes(lines.joined(separator: "\n") + "\n"))
    input.closeWriter()
  }

  private func send(documents: Int) {
    input.send((1...documents).flatMap { bytes("{\"id\":\"\($0)\"}\n") })
    input.closeWriter()
  }

  private func results() throws -> [JSON] {
    try output.receiveLines().map { try JSON(parsing: $0) }
  }

  @Test func everyDocumentIsWorkedOnOnce() throws {
    send(documents: 500)
    #expect(run { $0.fields["stamp"] = .string("on \($0.id)") } == .success)
    let results = try results()
    #expect(results.count == 500)
    #expect(Set(results.compactMap { $0["id"]?.string }).count == 500)
    #expect(results.allSatisfy { $0["stamp"]?.string == "on \($0["id"]?.string ?? "")" })
  }

  @Test func noInputIsNoFailure() throws {
    input.closeWriter()
    #expect(run { _ in } == .success)
    #expect(try results().isEmpty)
  }

  @Test func fieldsPassThroughUnchanged() {
    let line = #"{"n":12345678901234567890.10,"id":"1","deep":{"a":[{"b":null}]},"é":"ü"}"#
    send(line)
    #expect(run { _ in } == .success)
    #expect(output.receiveLines() == [line])
  }

  @Test func aBadLineCostsOnlyItself() throws {
    send(
      #"{"id":"1"}"#, "nonsense", #"{"id":"2","error":{"class":"absent","message":"m"}}"#, "",
      #"{"id":3}"#, #"{"id":"4"}"#)
    #expect(run(workers: 1) { $0.fields["stamp"] = .bool(true) } == .documentsFailed)
    let results = try results()
    #expect(results.map { $0["stamp"] != nil } == [true, false, false, false, false, true])
    #expect(results.map { $0["error"] != nil } == [false, true, true, true, true, false])
    #expect(results[3]["line"] == .int(4))
  }

  @Test func onlyNonsenseIsNotRecords() throws {
    send("<html>", "</html>")
    #expect(run { _ in } == .notRecords)
    #expect(try results().count == 2)
  }

  @Test func aWorkersErrorGoesIntoItsRecordAlone() throws {
    send(documents: 20)
    let code = run { record in
      record.fields["half"] = .bool(true)
      if record.id == "7" { throw RecordError(.timeout, "too slow") }
      if record.id == "8" { throw CancellationError() }
    }
    #expect(code == .documentsFailed)
    let failed = try results().filter { $0["error"] != nil }
    #expect(failed.count == 2)
    for record in failed {
      // What a worker changed before it failed is taken back.
      #expect(record["half"] == nil)
      #expect(record["error"]?["tool"] == .string("tester"))
      let expected = record["id"] == .string("7") ? "timeout" : "internal"
      #expect(record["error"]?["class"] == .string(expected))
    }
  }

  @Test func aFatalErrorEndsTheRunWithItsCode() throws {
    send(documents: 200)
    let code = run { record in
      if record.id == "5" { throw Fatal(.inputOutput, "the disk is full") }
    }
    #expect(code == .inputOutput)
    let results = try results()
    #expect(results.contains { $0["error"]?["class"] == .string("local") })
    // Nothing is lost without a word: what was read comes out, the rest stays unread.
    #expect(Set(results.compactMap { $0["id"]?.string }).count == results.count)
  }

  @Test func aWorkerThatCannotBeMadeEndsTheRun() throws {
    send(documents: 20)
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let loop = RecordLoop(
      tool: "tester", workers: 2, stop: stop, logger: quiet, input: input.reader,
      output: output.writer)
    let code = loop.run { _ -> TestWorker in throw Fatal(.configuration, "no such folder") }
    output.closeWriter()
    #expect(code == .configuration)
    #expect(try results().isEmpty)
  }

  @Test func aReaderThatWentAwayIsAQuietEnd() {
    output.closeReader()
    send(documents: 200)
    #expect(run { _ in } == .success)
    #expect(stop.reason == .downstreamClosed)
  }

  /// Wherever the signal arrives: before the first document, in the middle, with the last one, or not at
  /// all because the tool had ended. Once in three torture runs, optimize ended with 3.
  @Test(arguments: [
    (stopAt: 1, fails: false, code: ToolExit.interrupted), (3, true, .interrupted),
    (6, true, .interrupted), (0, true, .documentsFailed), (0, false, .success),
  ])
  func whatAStoppedRunWithFailuresEndsWith(stopAt: Int, fails: Bool, code: ToolExit) throws {
    let back = #"{"id":"back","error":{"class":"interrupted","message":"the run was stopped"}}"#
    let lines = (1...6).map { #"{"id":"\#($0)"}"# }
    input.send(bytes((lines + [back]).map { $0 + "\n" }.joined()))
    input.closeWriter()
    let ended = run(workers: 1) { [stop] record in
      if record.id == "\(stopAt)" { stop.request(.interrupted) }
      if fails, ["2", "6"].contains(record.id) { throw RecordError(.badPDF, "no PDF") }
    }
    #expect(ended == code)
    #expect(try results().count == 7)
  }

  @Test func afterAnInterruptionAllThatComesPassesAsInterrupted() throws {
    send(documents: 100)
    let code = run(workers: 1) { [stop] record in
      if record.id == "10" { stop.request(.interrupted) }
    }
    #expect(code == .interrupted)
    let results = try results()
    #expect(results.count == 100)
    let interrupted = results.filter { $0["error"]?["class"] == .string("interrupted") }
    // What was in hand when the stop came is finished.
    #expect(interrupted.count == 90)
    #expect(interrupted.allSatisfy { $0["error"]?["counts"] == .bool(false) })
  }

  @Test func whatIsDoneLaterComesOutToo() throws {
    input.send(bytes((1...200).map { #"{"id":"\#($0)"}"# + "\n" }.joined()))
    input.send(bytes(#"{"id":"now"}"# + "\n"))
    input.closeWriter()
    let caught = Lock<[String]>([])
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let loop = RecordLoop(
      tool: "tester", workers: 3, stop: stop, logger: quiet, input: input.reader,
      output: output.writer)
    let code = loop.run { _ in
      PatientWorker { record in
        caught.withLock { $0.append(record.id) }
        record.fields["half"] = .bool(true)
        if record.id == "7" { throw RecordError(.timeout, "too slow") }
      }
    }
    output.closeWriter()
    #expect(code == .documentsFailed)
    let results = try results()
    #expect(Set(results.compactMap { $0["id"]?.string }).count == 201)
    #expect(results.count == 201)
    #expect(caught.withLock { $0.count } == 201)
    let failed = results.filter { $0["error"] != nil }
    #expect(failed.map { $0["error"]?["class"] } == [.string("timeout")])
    #expect(failed.allSatisfy { $0["half"] == nil })
  }

  @Test func aFatalErrorThatComesLaterEndsTheRunWithItsCode() throws {
    send(documents: 200)
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let loop = RecordLoop(
      tool: "tester", workers: 2, stop: stop, logger: quiet, input: input.reader,
      output: output.writer)
    let code = loop.run { _ in
      PatientWorker { if $0.id == "5" { throw Fatal(.inputOutput, "the disk is full") } }
    }
    output.closeWriter()
    #expect(code == .inputOutput)
    #expect(try results().contains { $0["error"]?["class"] == .string("local") })
  }

  @Test func workersWorkAtTheSameTime() throws {
    send(documents: 4)
    let inside = Atomic<Int>(0)
    // Each of the four waits until all four are there: with fewer threads it would not end.
    let code = withExtendedLifetime(inside) {
      run(workers: 4) { [stop] _ in
        inside.add(1, ordering: .sequentiallyConsistent)
        let deadline = Time.monotonic() + 180_000_000_000
        while inside.load(ordering: .sequentiallyConsistent) < 4, Time.monotonic() < deadline {
          _ = stop.sleep(seconds: 0.001)
        }
      }
    }
    #expect(code == .success)
    #expect(inside.load(ordering: .sequentiallyConsistent) == 4)
  }
}

@Suite("One writer owns the output")
struct LineWriterTests {
  init() { signal(SIGPIPE, SIG_IGN) }

  @Test func linesOfManyThreadsStayWhole() {
    let output = Ends()
    let stop = ShutdownSignal()
    let lines = Mutex<[String]>([])
    together {
      let writer = LineWriter(descriptor: output.writer, stop: stop)
      withThreads(4) { number in
        let line = [UInt8](repeating: UInt8(ascii: "0") + UInt8(number), count: 9000)
        for _ in 0..<50 { writer.write([line, line]) }
      }
      output.closeWriter()
    } _: {
      let received = output.receiveLines()
      lines.withLock { $0 = received }
    }
    let received = lines.withLock { $0 }
    #expect(received.count == 400)
    #expect(received.allSatisfy { $0.count == 9000 && Set($0).count == 1 })
    // The lines of one call are neighbours.
    for index in stride(from: 0, to: received.count, by: 2) {
      #expect(received[index] == received[index + 1])
    }
  }

  @Test(.timeLimit(.minutes(5)))
  func aReaderThatDiesIsNoticedWithNothingToWrite() {
    let output = Ends()
    let stop = ShutdownSignal()
    let writer = LineWriter(descriptor: output.writer, stop: stop)
    #expect(writer.write([bytes("x")]))
    output.closeReader()
    #expect(!stop.sleep(seconds: 3600))
    #expect(stop.reason == .downstreamClosed)
  }

  @Test(.timeLimit(.minutes(5)))
  func whoReadsSeesTheEndOfAnOutputThatWasClosed() {
    let output = Ends()
    let stop = ShutdownSignal()
    let writer = LineWriter(descriptor: output.writer, stop: stop)
    #expect(writer.write([bytes("x")]))
    writer.close()
    #expect(output.receiveLines().count == 1)
    #expect(writer.write([bytes("to nobody")]))
    #expect(!stop.isRequested)
  }

  @Test func aClosedPipeAndABrokenOneAreTwoThings() {
    let output = Ends()
    output.closeReader()
    let closed = ShutdownSignal()
    #expect(!LineWriter(descriptor: output.writer, stop: closed).write([bytes("x")]))
    #expect(closed.reason == .downstreamClosed)
    let broken = ShutdownSignal()
    #expect(!LineWriter(descriptor: -1, stop: broken).write([bytes("x")]))
    guard case .failed(let fatal)? = broken.reason else {
      Issue.record("no failure")
      return
    }
    #expect(fatal.code == .inputOutput)
  }
}
