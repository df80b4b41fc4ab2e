import ArgumentParser
import CLI
import Common
import Crypto
import Glibc
import Inspection
import Logging
import Synchronization
import Page

/// `validate files`.
struct FilesCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "files",
    abstract: "Check PDFs on their own, one line each.",
    usage: "validate files PATH [OPTION]…",
    discussion: """
      Reads PDFs as libqpdf does. Exit code 3: one of them cannot be kept.

        validate files ./pdf
        find . -name '*.pdf' | validate files -

      \(ToolExit.table)
      """)

  @Argument(help: "A file, a folder, or - for names from standard input.")
  var path: String

  @Option(name: .shortAndLong, help: .workers)
  var workers = WorkerCount(8)

  @OptionGroup var log: LogOptions

  func validate() throws {
    if path.isEmpty { throw ValidationError("PATH must not be empty; - is standard input.") }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    try FilesRun(workers: workers.value, stop: stop, logger: logger).perform(path)
  }
}

/// `validate files`: each file checked on its own, one line each, in no particular order.
struct FilesRun: Sendable {
  fileprivate struct Totals {
    var files: [FileFinding.State: Int] = [:]
  }

  let workers: Int
  let stop: ShutdownSignal
  let logger: Logger

  /// Checks all files of a place. Returns 3 where one cannot be kept.
  func perform(_ place: String) throws -> ToolExit {
    let source = Mutex(try PathSource(place, stop: stop))
    let totals = Mutex(Totals())
    let writer = LineWriter(descriptor: STDOUT_FILENO, stop: stop)
    withThreads(workers) { _ in
      do {
        var inspector = Inspector(tool: "validate", seconds: 60, stop: stop)
        while !stop.isRequested, let path = try source.withLock({ try $0.next() }) {
          guard let finding = try inspector.finding(at: path) else { break }
          totals.withLock { $0.count(finding) }
          if !writer.write([Self.line(path, finding).serialized()]) { break }
        }
      } catch { stop.request(.failed(Fatal(describing: error))) }
    }
    if case .failed(let fatal) = stop.reason { throw fatal }
    let (result, links) = (totals.withLock { $0 }, source.withLock { $0.links })
    Console.write(result.text(links: links))
    if stop.reason == .interrupted { return .interrupted }
    return result.files.keys.allSatisfy(\.isGood) ? .success : .documentsFailed
  }

  private static func line(_ path: [UInt8], _ finding: FileFinding) -> JSON {
    let name = String(decoding: path, as: UTF8.self)
    var line: JSONObject = ["path": .string(name)]
    // Without this, the file could not be found again.
    if !name.utf8.elementsEqual(path) { line["path_hex"] = .string(Digest.hex(path)) }
    line["ok"] = .bool(finding.state.isGood)
    for member in finding.json.members { line[member.name] = member.value }
    return .object(line)
  }
}

extension FilesRun.Totals {
  fileprivate mutating func count(_ finding: FileFinding) {
    files[finding.state, default: 0] += 1
  }

  fileprivate func text(links: Int) -> String {
    var table = TextTable()
    table.row("Files", files.values.reduce(0, +))
    for state in FileFinding.State.allCases {
      if let count = files[state] { table.row("  \(state.rawValue)", count) }
    }
    if links > 0 { table.row("Links passed over", links) }
    return table.text
  }
}

/// What was found out about a file.
struct FileFinding: Sendable, Equatable {
  /// How it is: a closed vocabulary (docs/validate.md, "Files").
  enum State: String, Sendable, CaseIterable {
    /// It opens as it is.
    case ok
    /// It is not quite as the standard has it, and readers open it all the same, with all its pages.
    case repairable
    /// It opens only with a password, which says nothing against it.
    case encrypted
    /// Part of it is lost, or no reader can open it; or looking into it took too long or too much.
    case damaged
    /// It has no bytes, or no pages.
    case empty
    /// It does not begin as a PDF does.
    case notPDF = "not_pdf"
    /// It is not there, may not be read, or is not a file.
    case unreadable

    /// Whether it is a document that can be kept.
    var isGood: Bool { [.ok, .repairable, .encrypted].contains(self) }
  }

  var state = State.ok

  /// Size in bytes.
  var bytes: Int?
  var pages: Int?
  /// Whether it is encrypted, be it with an empty password.
  var isEncrypted: Bool?
  /// What is wrong, for people.
  var message: String?

  /// Something is wrong.
  static func bad(_ state: State, _ message: String, bytes: Int? = nil) -> FileFinding {
    FileFinding(state: state, bytes: bytes, message: Format.printable(message))
  }

  /// Its members in a line of the output, and in the answer of the process that looked.
  var json: JSONObject {
    [
      "state": .string(state.rawValue), "bytes": bytes.map(JSON.int), "pages": pages.map(JSON.int),
      "encrypted": isEncrypted.map(JSON.bool), "message": message.map(JSON.string),
    ]
  }
}

extension FileFinding {
  /// Reads what ``json`` wrote.
  init?(_ json: JSON) {
    guard let state = json["state"]?.string.flatMap(State.init) else { return nil }
    self.state = state
    bytes = json["bytes"]?.int
    pages = json["pages"]?.int
    isEncrypted = json["encrypted"]?.bool
    message = json["message"]?.string
  }
}
