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
