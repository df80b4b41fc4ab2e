import Common
import Synchronization
import Support
import Testing

@Suite("Lines come out whole, whatever chunks they come in")
struct LineReaderTests {
  /// What a reader makes of these chunks, each delivered by a read of its own.
  private func read(_ chunks: [[UInt8]]) -> [LineReader.Line] {
    let ends = Ends(packets: ())
    let lines = Mutex<[LineReader.Line]>([])
    together {
      for chunk in chunks where !chunk.isEmpty { ends.send(chunk) }
      ends.closeWriter()
    } _: {
      var reader = LineReader(descriptor: ends.reader)
      do throws(Fatal) {
        while let line = try reader.next() { lines.withLock { $0.append(line) } }
        #expect(try reader.next() == nil)
      } catch {
        Issue.record(error)
      }
    }
    return lines.withLock { $0 }
  }

  private func lines(_ texts: String...) -> [LineReader.Line] { texts.map { .line(bytes($0)) } }

  @Test func noInput() { #expect(read([]) == []) }

  @Test func lastLineWithoutItsEnd() {
    #expect(read([bytes("a\nbc")]) == lines("a", "bc"))
    #expect(read([bytes("a\nbc\n")]) == lines("a", "bc"))
  }

  @Test func emptyLinesAreLines() { #expect(read([bytes("\n\na\n\n")]) == lines("", "", "a", "")) }

  @Test func carriageReturnBelongsToTheEnd() {
    #expect(read([bytes("a\r\nb\rc\r\n\r\nd\r")]) == lines("a", "b\rc", "", "d"))
    #expect(read([bytes("a\r"), bytes("\nb")]) == lines("a", "b"))
  }

  @Test func bytesAreNotInterpreted() {
    #expect(read([[0, 0xFF, 0xFE, 0x0A, 0x80]]) == [.line([0, 0xFF, 0xFE]), .line([0x80])])
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func anyChunks(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let expected = (0..<200).map { _ -> [UInt8] in
      let count = [0, 1, 7, 100, 5000].randomElement(using: &random) ?? 1
      return (0..<Int.random(in: 0...count, using: &random)).map { _ in
        UInt8.random(in: 0x20...0xFF, using: &random)
      }
    }
    let all = [UInt8](expected.map { $0 + [0x0A] }.joined())
    let longest = [1, 3, 64, 4096, 60_000][Int(seed) % 5]
    var chunks: [[UInt8]] = []
    var start = 0
    while start < all.count {
      let end = min(all.count, start + Int.random(in: 1...longest, using: &random))
      chunks.append(Array(all[start..<end]))
      start = end
    }
    #expect(read(chunks) == expected.map { .line($0) }, "seed \(seed)")
  }

  @Test func aLineMayHaveAMebibyteAndNoMore() {
    let full = [UInt8](repeating: UInt8(ascii: "x"), count: LineReader.maximumLine)
    func chunks(_ bytes: [UInt8]) -> [[UInt8]] {
      stride(from: 0, to: bytes.count, by: 50_000).map {
        Array(bytes[$0..<min(bytes.count, $0 + 50_000)])
      }
    }
    #expect(read(chunks(full + bytes("\nnext\n"))) == [.line(full), .line(bytes("next"))])
    #expect(read(chunks(full)) == [.line(full)])
    let tooLong = read(chunks(full + full + bytes("y\nnext")))
    #expect(tooLong.count == 2)
    guard case .tooLong(let prefix)? = tooLong.first else {
      Issue.record("a line of two mebibytes was read as \(tooLong.count) lines")
      return
    }
    #expect(prefix == Array(full.prefix(prefix.count)) && (200...4096).contains(prefix.count))
    #expect(tooLong.last == .line(bytes("next")))
    #expect(read(chunks(full + bytes("y"))) == [.tooLong(prefix: prefix)])
  }

  @Test func knowsWhatItCanAnswerAtOnce() throws {
    let ends = Ends()
    ends.send(bytes("a\nb\nc"))
    var reader = LineReader(descriptor: ends.reader)
    #expect(!reader.hasBufferedLine)
    #expect(try reader.next() == .line(bytes("a")))
    #expect(reader.hasBufferedLine)
    #expect(try reader.next() == .line(bytes("b")))
    #expect(!reader.hasBufferedLine)
    ends.closeWriter()
    #expect(try reader.next() == .line(bytes("c")))
  }

  @Test func looksWithoutWaitingWhetherItCanAnswer() throws {
    let ends = Ends()
    var reader = LineReader(descriptor: ends.reader)
    #expect(try !reader.isReady())
    ends.send(bytes("ha"))
    #expect(try !reader.isReady())
    ends.send(bytes("lf\nc"))
    #expect(try reader.isReady())
    #expect(try reader.next() == .line(bytes("half")))
    #expect(try !reader.isReady())
    ends.send([UInt8](repeating: UInt8(ascii: "x"), count: 60_000))
    #expect(try !reader.isReady())
    ends.closeWriter()
    #expect(try reader.isReady())
    #expect(try reader.next() == .line(bytes("c" + String(repeating: "x", count: 60_000))))
    #expect(try reader.isReady())
    #expect(try reader.next() == nil)
  }

  @Test func aStopEndsTheWaitingForInputThatNeverComes() throws {
    let ends = Ends()
    let stop = ShutdownSignal()
    stop.request(.interrupted)
    var reader = LineReader(descriptor: ends.reader, stop: stop, grace: 0.01)
    #expect(try reader.next() == nil)
  }

  @Test func afterAStopUpstreamMayFinish() throws {
    let ends = Ends()
    let stop = ShutdownSignal()
    ends.send(bytes("a\nb\n"))
    ends.closeWriter()
    stop.request(.interrupted)
    var reader = LineReader(descriptor: ends.reader, stop: stop, grace: 60)
    #expect(try reader.next() == .line(bytes("a")))
    #expect(try reader.next() == .line(bytes("b")))
    #expect(try reader.next() == nil)
  }

  @Test func aStopWakesAReaderThatWaits() {
    let ends = Ends()
    let stop = ShutdownSignal()
    together {
      var reader = LineReader(descriptor: ends.reader, stop: stop, grace: 0)
      #expect((try? reader.next()) == .some(nil))
    } _: {
      stop.request(.interrupted)
    }
  }

  @Test func anInputThatCannotBeReadIsFatal() {
    var reader = LineReader(descriptor: -1)
    #expect(throws: Fatal.self) { try reader.next() }
  }
}
