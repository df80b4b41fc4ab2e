import Common
import Glibc
import Logging
import Synchronization
import Testing

/// What the last tool of the pipeline is told.
private final class Notes: Sendable {
  let failed = Mutex<[String]>([])
  let invalidLines = Atomic<Int>(0)
}

/// A worker as the end of the pipeline has it: it sees all, and works on through an interruption.
private struct LastWorker: RecordProcessor {
  static let worksThroughInterruption = true
  let notes: Notes
  let stop: ShutdownSignal

  func process(_ record: inout DocumentRecord) throws {
    if record.id == "stop" { stop.request(.interrupted) }
    if record.id == "bad" { throw RecordError(.storeRejected, "refused here") }
    record.fields["seen"] = .bool(true)
  }

  func sawFailure(of record: inout DocumentRecord) throws {
    notes.failed.withLock { $0.append(record.id) }
    if record.id == "bad" { record.fields["settled"] = .bool(true) }
    if record.id == "fatal" { throw Fatal(.unavailable, "the index is gone") }
  }

  func sawInvalidLine() { notes.invalidLines.add(1, ordering: .relaxed) }
}

/// One that looks at several lines at once, and answers those whose id ends with `k`.
private struct LookingWorker: RecordProcessor {
  static let linesAtOnce = 8
  let looks: @Sendable ([DocumentRecord]) -> Void
  let work: @Sendable (inout DocumentRecord) throws -> Void

  func answer(_ records: [DocumentRecord]) -> [DocumentRecord?] {
    looks(records)
    return records.map { record -> DocumentRecord? in
      guard record.id.hasSuffix("k") else { return nil }
      var record = record
      record.fields["by"] = .string("a look")
      return record
    }
  }

  func process(_ record: inout DocumentRecord) throws {
    try work(&record)
    record.fields["by"] = .string("work")
  }
}

/// A worker that has nothing to do with anything.
private struct IdleWorker: RecordProcessor {
  func process(_ record: inout DocumentRecord) {}
}

@Suite("What a stage may ask of the loop")
struct RecordLoopSeamTests {
  private let input = Ends()
  private let output = Ends()
  private let stop = ShutdownSignal()
  private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  init() { signal(SIGPIPE, SIG_IGN) }

  private func runLast(_ lines: String...) -> (ToolExit, Notes, [String]) {
    input.send(bytes(lines.map { $0 + "\n" }.joined()))
    input.closeWriter()
    let notes = Notes()
    let loop = RecordLoop(
      tool: "last", workers: 1, stop: stop, logger: quiet, input: input.reader,
      output: output.writer)
    let code = loop.run { _ in LastWorker(notes: notes, stop: stop) }
    output.closeWriter()
    return (code, notes, output.receiveLines())
  }

  private func runLooking(
    workers: Int, _ looks: @escaping @Sendable ([DocumentRecord]) -> Void = { _ in },
    _ work: @escaping @Sendable (inout DocumentRecord) throws -> Void = { _ in }
  ) -> ToolExit {
    let loop = RecordLoop(
      tool: "looking", workers: workers, stop: stop, logger: quiet, input: input.reader,
      output: output.writer)
    let code = loop.run { _ in LookingWorker(looks: looks, work: work) }
    output.closeWriter()
    return code
  }

  private func by(_ results: [JSON]) -> [String: [String]] {
    Dictionary(grouping: results.filter { $0["by"] != nil }) { $0["by"]?.string ?? "" }
      .mapValues { $0.compactMap { $0["id"]?.string }.sorted() }
  }

  @Test(arguments: [1, 4])
  func whatNeedsNoWorkIsAnsweredWithOneLook(workers: Int) throws {
    let ids = (1...600).map { $0 % 3 == 0 ? "\($0)" : "\($0)k" }
    let failed = #"{"id": "f", "error":{"class":"absent","message":"404"}, "x":1.50}"#
    let lines = ids.map { #"{"id":"\#($0)"}"# + "\n" + ($0.hasSuffix("99") ? failed + "\n\n" : "") }
    input.send(bytes(lines.joined()))
    input.closeWriter()
    let looks = Lock<[Int]>([])
    let code = runLooking(workers: workers) { records in looks.withLock { $0.append(records.count) }
    }
    #expect(code == .documentsFailed)
    let text = output.receiveLines()
    #expect(text.filter { $0 == failed }.count == 2)
    let results = try text.map { try JSON(parsing: $0) }
    #expect(results.count == 604)
    #expect(results.filter { $0["id"] == .null }.count == 2)
    let work = by(results)["work"] ?? []
    #expect(Set(work).isSuperset(of: ids.filter { !$0.hasSuffix("k") }))
    // What comes alone, at the end of what was read, has its turn without a look.
    #expect(work.count <= 210, "\(work)")
    #expect(by(results).values.joined().sorted() == ids.sorted())
    let sizes = looks.withLock { $0 }
    #expect(sizes.allSatisfy { (1...8).contains($0) } && sizes.contains { $0 > 1 })
  }

  /// All four wait for each other; that the end of the input comes behind them, or more may come, or half a line
  /// did, keeps none from its worker.
  @Test(.timeLimit(.minutes(5)), arguments: ["the end", "", #"{"id":"#])
  func whatIsLeftHasTheWorkersThatThereAre(behind: String) throws {
    input.send(bytes((1...4).map { #"{"id":"\#($0)"}"# + "\n" }.joined()))
    if behind == "the end" { input.closeWriter() } else { input.send(bytes(behind)) }
    let inside = Lock(0)
    let allAreThere = Latch()
    let code = runLooking(workers: 4) { _ in
    } _: { [input] record in
      guard record.id != "5" else { return }
      let count = inside.withLock {
        $0 += 1
        return $0
      }
      if count == 4 {
        if behind.hasPrefix("{") { input.send(bytes(#""5"}"#)) }
        input.closeWriter()
        allAreThere.happen()
      }
      #expect(!allAreThere.sleep(seconds: 180))
    }
    #expect(code == .success)
    #expect(output.receiveLines().count == (behind.hasPrefix("{") ? 5 : 4))
  }

  @Test func anInterruptionEndsTheLooksAndLosesNoLine() throws {
    input.send(bytes((1...100).map { #"{"id":"\#($0)k"}"# + "\n" }.joined()))
    input.closeWriter()
    let code = runLooking(workers: 1) { [stop] records in
      if records.contains(where: { $0.id == "10k" }) { stop.request(.interrupted) }
    }
    #expect(code == .interrupted)
    let results = try output.receiveLines().map { try JSON(parsing: $0) }
    #expect(results.count == 100)
    let interrupted = results.filter { $0["error"]?["class"] == .string("interrupted") }
    #expect(by(results)["a look"]?.count == 16)
    #expect(interrupted.count == 84)
  }

  @Test(arguments: [1, 3])
  func afterAFailureWhatWasReadComesOut(workers: Int) throws {
    input.send(bytes((1...40).map { #"{"id":"\#($0)"}"# + "\n" }.joined()))
    input.closeWriter()
    let code = runLooking(workers: workers) { _ in
    } _: { record in
      if record.id == "3" { throw Fatal(.inputOutput, "the disk is full") }
    }
    #expect(code == .inputOutput)
    let results = try output.receiveLines().map { try JSON(parsing: $0) }
    // Each line that any thread has read, and no other.
    let ids = results.compactMap { $0["id"]?.string.flatMap { Int($0) } }
    #expect(ids.sorted() == Array(1...max(1, ids.count)))
    #expect(ids.count % 8 == 0)
    if workers == 1 { #expect(ids.count == 8) }
    #expect(results.contains { $0["error"]?["class"] == .string("local") })
  }

  @Test func theLastToolSeesFailuresOfAllToolsAndInvalidLines() throws {
    let untouched = #"{"id":"early","error":{"class":"absent","message":"404"},"x":1.50}"#
    let (code, notes, lines) = runLast(untouched, #"{"id":"bad"}"#, #"{"id":"good"}"#, "nonsense")
    #expect(code == .documentsFailed)
    #expect(notes.failed.withLock { $0 } == ["early", "bad"])
    #expect(notes.invalidLines.load(ordering: .relaxed) == 1)
    #expect(lines.count == 4)
    #expect(lines[0] == untouched)
    let bad = try JSON(parsing: lines[1])
    #expect(bad["settled"] == .bool(true))
    #expect(bad["error"]?["class"] == .string("store_rejected"))
    #expect(bad["error"]?["tool"] == .string("last"))
  }

  @Test func theLastToolWorksOnThroughAnInterruption() throws {
    let (code, notes, lines) = runLast(#"{"id":"stop"}"#, #"{"id":"1"}"#, #"{"id":"2"}"#)
    #expect(code == .interrupted)
    #expect(notes.failed.withLock { $0.isEmpty })
    #expect(try lines.allSatisfy { try JSON(parsing: $0)["seen"] == .bool(true) })
    #expect(lines.count == 3)
  }

  @Test func whatCannotBeSettledEndsTheRun() {
    let (code, _, lines) = runLast(
      #"{"id":"fatal","error":{"class":"timeout"}}"#, #"{"id":"1"}"#, #"{"id":"2"}"#)
    #expect(code == .unavailable)
    #expect(lines.count == 1)
  }

  @Test func namesOfFilesBecomeRecords() throws {
    input.send(bytes("a.pdf\nb c/ä.pdf\n\n") + [0xFF, 0x0A])
    input.closeWriter()
    let loop = RecordLoop(
      tool: "tester", workers: 1, stop: stop, logger: quiet, input: input.reader,
      output: output.writer, lines: .fileNames)
    #expect(loop.run { _ in IdleWorker() } == .documentsFailed)
    output.closeWriter()
    let lines = output.receiveLines()
    #expect(
      lines.prefix(2) == [
        #"{"id":"a.pdf","path":"a.pdf"}"#, #"{"id":"b c/ä.pdf","path":"b c/ä.pdf"}"#,
      ])
    for line in lines.dropFirst(2) {
      #expect(try JSON(parsing: line)["error"]?["class"] == .string("invalid_record"))
    }
    #expect(lines.count == 4)
  }

  /// A thread that waits for more input once held the lock that the others needed to go on with what
  /// they had: the last documents of a pipeline that stays open never came out.
  @Test(.timeLimit(.minutes(5)))
  func noDocumentWaitsForTheNextOne() {
    let count = 6
    together {
      let loop = RecordLoop(
        tool: "tester", workers: count, stop: stop, logger: quiet, input: input.reader,
        output: output.writer)
      _ = loop.run { _ in IdleWorker() }
    } _: {
      for _ in 1...20 {
        input.send((1...count).flatMap { bytes("{\"id\":\"\($0)\"}\n") })
        var received = 0
        while received < count, let ready = readyBytes() {
          received += ready.count { $0 == UInt8(ascii: "\n") }
        }
        #expect(received == count)
      }
      input.closeWriter()
    }
  }

  /// What comes out before a patience of minutes is over.
  private func readyBytes() -> ArraySlice<UInt8>? {
    var descriptors = [pollfd(fd: output.reader, events: Int16(POLLIN), revents: 0)]
    guard poll(&descriptors, 1, 180_000) == 1 else { return nil }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(output.reader, &buffer, buffer.count)
    return buffer[..<max(0, count)]
  }
}
