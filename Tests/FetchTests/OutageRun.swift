import Limiter
import Checkpoint
import Common
import Foundation
import Logging
import Support
import Synchronization
import HTTP

@testable import fetch

/// The whole of `fetch`, loop and all, on many documents of one server, with short waits.
struct OutageRun {
  let directory: TemporaryDirectory
  var settings = FetchSettings()
  var workers = 4

  /// How it ended, what came out, and what was logged.
  struct End {
    let code: ToolExit
    let records: [JSON]
    let log: [String]

    var errors: [JSON] { records.compactMap { $0["error"] } }
    /// How often each class of error came out.
    var classes: [String: Int] {
      Dictionary(grouping: errors.compactMap { $0["class"]?.string }, by: \.self)
        .mapValues(\.count)
    }
  }

  init() throws {
    directory = try TemporaryDirectory()
    settings.pace = RateLimit(delay: 0)
    settings.inspector = FetchRun.program
    settings.retry = RetryPolicy(retries: 2, base: 0.01)
    settings.transfer.lowSpeedTime = 1
    settings.transfer.connectTimeout = 2
    settings.outages = OutagePolicy(
      firstDistance: 0.02, longestDistance: 0.1, limit: 60, limitBeforeAnythingGood: 4)
  }

  /// A portal of two steps at `base`, for all documents.
  mutating func lookUp(at base: String) throws {
    try directory.write(
      """
      lookup:
        path: look.php
        ways: [{id: "{id}"}]
        answer: //form
        images: //a/@href
      """, to: "two.yaml")
    settings.portals = [try Portal(named: "two", in: directory.path, base: base)]
  }

  /// Runs on documents `1` … `count`.
  func finish(
    _ count: Int, stop: ShutdownSignal = ShutdownSignal(), url: (Int) -> String = { _ in "" }
  ) throws -> End {
    let lines = (1...count).map { #"{"id":"\#($0)","url":"\#(url($0))"}"# + "\n" }.joined()
    try directory.write(lines, to: "in")
    let input = open(directory.path + "/in", O_RDONLY)
    let output = open(directory.path + "/out", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer {
      close(input)
      close(output)
    }
    let log = LogCatcher()
    let logger = Logger(label: "fetch") { _ in log }
    var settings = settings
    let threads = workers + settings.outages.threshold - 1
    settings.threads = threads
    let services = FetchServices(
      settings: settings, spool: try Spool(root: directory.path + "/spool"),
      limiter: try Limiter(at: .file(directory.path + "/limiter.sqlite")),
      checkpoint: try Checkpoint(path: directory.path + "/checkpoint.sqlite"), stop: stop,
      workers: workers, notice: OutageNotice(tool: "fetch", folder: directory.path + "/outages"),
      logger: logger)
    let loop = RecordLoop(
      tool: "fetch", workers: threads, stop: stop, logger: logger, input: input, output: output)
    let code = loop.run { try Fetcher(services, worker: $0, logger: logger) }
    let text = try String(contentsOfFile: directory.path + "/out", encoding: .utf8)
    let records = try text.split(separator: "\n").map { try JSON(parsing: String($0)) }
    return End(code: code, records: records, log: log.lines)
  }
}

/// Keeps what is logged at `warning` and above.
final class LogCatcher: LogHandler, Sendable {
  private let caught = Mutex<[String]>([])

  var lines: [String] { caught.withLock { $0 } }
  var logLevel: Logger.Level {
    get { .warning }
    set {}
  }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    caught.withLock { $0.append("\(event.level): \(event.message)") }
  }
}
