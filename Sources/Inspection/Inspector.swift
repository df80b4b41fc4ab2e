import Files
import Common
import Crypto
import Glibc
import PageImages
import Subprocesses

/// Has files looked into by a process of its own, one after the other, and starts another one when that did
/// not survive. Belongs to one thread at a time; the process dies with the thread that started it.
package struct Inspector: ~Copyable {
  /// The argument by which a tool knows that it is this process.
  package static let flag = "--inspect"

  /// Bytes of address space: a small file can ask for a gigabyte.
  private static let memory = 2 << 30

  /// What became of a question.
  package enum Answer: Sendable {
    /// What the process said.
    case said(JSON)
    /// It said nothing that can be read, and how it ended.
    case crashed(Launch.End)
    /// It took longer than permitted.
    case tooSlow
    /// The run was stopped meanwhile.
    case stopped
  }

  /// Seconds that a file may take.
  package let seconds: Int
  private let tool: String
  private let stop: ShutdownSignal
  /// Seconds that a question goes on after a stop was requested.
  private let grace: Double
  private let executable: String
  private var child: Child?

  /// An inspector that starts no process before the first question.
  package init(
    tool: String, seconds: Int, stop: ShutdownSignal, grace: Double = 0,
    executable: String = "/proc/self/exe"
  ) {
    self.tool = tool
    self.seconds = seconds
    self.stop = stop
    self.grace = grace
    self.executable = executable
  }

  /// What the process finds in a file.
  package mutating func ask(_ path: some Sequence<UInt8>) throws(Fatal) -> Answer {
    try ask([Array(path)], seconds: seconds)
  }

  /// Has the process make one PDF at `target` of the images and PDFs at `paths` (``PageImages``): pages are decoded
  /// where nothing of ours is in reach. What it says is for ``CombinedPages``.
  package mutating func combine(
    _ paths: [String], into target: String
  ) throws(Fatal) -> Answer {
    try ask(([target] + paths).map { Array($0.utf8) }, seconds: 6 * seconds)
  }

  private mutating func ask(_ names: [[UInt8]], seconds: Int) throws(Fatal) -> Answer {
    let process = try take()
    let line = names.map(Digest.hex).joined(separator: " ") + "\n"
    guard writeAll(Array(line.utf8), to: process.input) == 0 else {
      return .crashed(process.finish())
    }
    var lines = AnswerLines()
    let deadline = Time.monotonic() + Int64(seconds) * 1_000_000_000
    while true {
      if let line = lines.next() {
        guard let answer = try? JSON(parsing: line), answer.object != nil else {
          return .crashed(process.finish())
        }
        child = consume process
        return .said(answer)
      }
      let left = deadline - Time.monotonic()
      if left <= 0 { return .tooSlow }
      let isStopping = stop.isRequested
      if isStopping, stop.age >= grace { return .stopped }
      var descriptors = [
        pollfd(fd: process.output, events: Int16(POLLIN), revents: 0),
        pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      // The second descriptor is ready for ever once a stop was requested.
      let wait = isStopping ? min(left, 100_000_000) : left
      let ready = poll(&descriptors, isStopping ? 1 : 2, Int32(clamping: wait / 1_000_000 + 1))
      if ready > 0, descriptors[0].revents != 0, !lines.read(from: process.output) {
        return .crashed(process.finish())
      }
    }
  }

  private mutating func take() throws(Fatal) -> Child {
    if let child = child.take() { return child }
    do throws(Launch.Failure) {
      return try Child(
        executable: executable, name: tool, flag: Self.flag, memory: Self.memory)
    } catch {
      throw Fatal(
        .inputOutput, "cannot start a process: \(String(cString: strerror(error.code)))")
    }
  }
}

extension Inspector {
  /// The process itself: a name a line on standard input, as hexadecimal digits; what `answer` has to say, a
  /// line on standard output. Of several names on a line, the first is a PDF to be made of the others. Works until
  /// the input ends. Returns the exit status.
  package static func answerQuestions(_ answer: ([UInt8]) -> JSONObject) -> Int32 {
    var lines = LineReader(descriptor: STDIN_FILENO)
    while case .line(let line)? = try? lines.next() {
      let words = line.split(separator: UInt8(ascii: " "))
      let names = words.compactMap { Digest.bytes(hex: String(decoding: $0, as: UTF8.self)) }
      guard let first = names.first, names.count == words.count else {
        return ToolExit.notRecords.rawValue
      }
      let found = names.count == 1 ? answer(first) : CombinedPages.made(names).json
      let text = JSON.object(found).serialized()
      _ = writeAll(text + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
    }
    return ToolExit.success.rawValue
  }
}

/// What became of files that were to be one PDF.
package enum CombinedPages: Sendable, Equatable {
  /// It has so many pages.
  case made(pages: Int)
  case failed(PageImageError)

  fileprivate static func made(_ names: [[UInt8]]) -> CombinedPages {
    let names = names.map { String(decoding: $0, as: UTF8.self) }
    do throws(PageImageError) {
      return .made(pages: try PageImages.combine(Array(names.dropFirst()), to: names[0]))
    } catch {
      return .failed(error)
    }
  }

  /// As the process that makes it writes it.
  fileprivate var json: JSONObject {
    switch self {
    case .made(let pages): ["pages": .int(pages)]
    case .failed(let error):
      [
        "defect": .string(Format.printable(error.description)),
        "kind": .string(error.kind.rawValue),
      ]
    }
  }

  /// Reads what ``json`` wrote.
  package init?(_ json: JSON) {
    if let pages = json["pages"]?.int {
      self = .made(pages: pages)
    } else if let defect = json["defect"]?.string,
      let kind = json["kind"]?.string.flatMap(PageImageError.Kind.init)
    {
      self = .failed(PageImageError(kind, defect))
    } else {
      return nil
    }
  }
}
