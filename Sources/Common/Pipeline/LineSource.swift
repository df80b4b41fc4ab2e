import Dispatch
import Synchronization

/// Where all threads of a tool pull their lines from.
final class LineSource: Sendable {
  /// What a thread is to do next.
  enum Lines {
    /// A line to work on.
    case one(InputLine)
    /// Lines that were there already, to be looked at together; those that need a worker each are given back
    /// (``giveBack(_:)``), which has to be called.
    case several([InputLine])
  }

  private enum Taken {
    case waiting(InputLine)
    case new([LineReader.Line], number: Int)
    case onlyWhatIsLookedAt
    case end
  }

  private struct State {
    var reader: LineReader
    var count = 0
    /// Lines that were given back, the next one last.
    var waiting: [InputLine] = []
    /// Threads that look at several lines.
    var looking = 0
  }

  private let state: Lock<State>
  /// Those who look at several lines. It takes them microseconds for each.
  private let lookers = DispatchGroup()
  private let lines: RecordLoop.Lines
  private let tool: String
  private let stop: ShutdownSignal
  let failures = Atomic<Int>(0)
  private let ended = Atomic<Bool>(false)
  /// Outside the lock, which a thread that waits for more input holds: whoever has a line must never
  /// wait for the next one.
  private let json = Atomic<Int>(0)

  init(
    reader: consuming sending LineReader, lines: RecordLoop.Lines, tool: String,
    stop: ShutdownSignal
  ) {
    state = Lock(State(reader: reader))
    self.lines = lines
    self.tool = tool
    self.stop = stop
  }

  /// The next line, or up to `most` where so many are there; `nil` when there will be no more for any thread.
  func next(atMost most: Int) -> Lines? {
    while true {
      switch state.withLock({ take(most, from: &$0) }) {
      case .waiting(let line): return .one(line)
      case .new(let lines, let number):
        let parsed = lines.enumerated().map { parse($1, number: number + $0) }
        return parsed.count == 1 ? .one(parsed[0]) : .several(parsed)
      case .onlyWhatIsLookedAt: lookers.wait()
      case .end:
        ended.store(true, ordering: .relaxed)
        return nil
      }
    }
  }

  /// Ends the look at several lines: other threads work on those that are left.
  func giveBack(_ lines: [InputLine]) {
    state.withLock { state in
      state.waiting += lines.reversed()
      state.looking -= 1
    }
    lookers.leave()
  }

  private func take(_ most: Int, from state: inout State) -> Taken {
    if let line = state.waiting.popLast() { return .waiting(line) }
    if stop.isRequested, stop.reason != .interrupted { return .end }
    do throws(Fatal) {
      // Who waits for input does so with the lock, and nobody could give lines back, or be given them.
      if state.looking > 0, try !state.reader.isReady() { return .onlyWhatIsLookedAt }
      guard let first = try state.reader.next() else {
        return state.looking > 0 ? .onlyWhatIsLookedAt : .end
      }
      state.count += 1
      let number = state.count
      var lines = [first]
      while lines.count < most, state.reader.hasBufferedLine, let line = try state.reader.next() {
        lines.append(line)
      }
      if lines.count > 1 {
        state.count += lines.count - 1
        state.looking += 1
        lookers.enter()
      }
      return .new(lines, number: number)
    } catch {
      stop.request(.failed(error))
      return .end
    }
  }

  private func parse(_ line: LineReader.Line, number: Int) -> InputLine {
    let parsed =
      switch (line, lines) {
      case (.line(let bytes), .records): InputLine(bytes, number: number, tool: tool)
      case (.line(let bytes), .fileNames): InputLine(fileName: bytes, number: number, tool: tool)
      case (.tooLong(let prefix), _): InputLine(tooLong: prefix, number: number, tool: tool)
      }
    if case .invalid(_, isJSON: false) = parsed { return parsed }
    json.add(1, ordering: .relaxed)
    return parsed
  }

  /// Counts a document with an error, unless it was given back.
  func count(_ kind: ErrorClass?) {
    if kind != .interrupted { failures.add(1, ordering: .relaxed) }
  }

  /// Whether a worker found the end of the input already.
  var isAtEnd: Bool { ended.load(ordering: .relaxed) || stop.isRequested }

  func seen() -> (lines: Int, json: Int) {
    (state.withLock { $0.count }, json.load(ordering: .relaxed))
  }
}
