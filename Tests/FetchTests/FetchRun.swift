import Limiter
import Checkpoint
import Common
import Glibc
import Logging
import Support
import Synchronization
import HTTP

@testable import fetch

/// A fetcher with a state directory of its own, for one document after the other.
struct FetchRun {
  let directory: TemporaryDirectory
  let services: FetchServices

  /// The built tool, beside the bundle of the tests, which looks into PDFs.
  static let program: String = {
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? ""
    // As the tool does (ShutdownSignal.onSignals): a process that is no more shows when it is written to.
    signal(SIGPIPE, SIG_IGN)
    return bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/") + "/fetch"
  }()

  init(_ change: (inout FetchSettings) -> Void = { _ in }) throws {
    directory = try TemporaryDirectory()
    var settings = FetchSettings()
    settings.pace = RateLimit(delay: 0)
    settings.retry = RetryPolicy(retries: 0, base: 0.01)
    settings.transfer.lowSpeedTime = 1
    settings.transfer.connectTimeout = 2
    settings.transfer.totalTimeout = 10
    settings.inspector = Self.program
    change(&settings)
    services = FetchServices(
      settings: settings, spool: try Spool(root: directory.path + "/spool"),
      limiter: try Limiter(at: .file(directory.path + "/limiter.sqlite")),
      checkpoint: try Checkpoint(path: directory.path + "/checkpoint.sqlite"),
      stop: ShutdownSignal(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  /// Fetches a URL as document `id`; the record afterwards, or the error that it met.
  func fetch(_ url: String, id: String = "1") throws -> Result<DocumentRecord, RecordError> {
    try fetch(id: id, fields: ["url": .string(url)])
  }

  /// The same for a record with these fields.
  func fetch(id: String = "1", fields: [String: JSON?]) throws -> Result<
    DocumentRecord, RecordError
  > {
    var fetcher = try fetcher()
    return try fetch(id: id, fields: fields, by: &fetcher)
  }

  /// A worker.
  func fetcher(worker: Int = 1) throws -> Fetcher {
    try Fetcher(
      services, worker: worker, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  /// The same by a worker that goes on: its cookies live as long as it.
  func fetch(
    id: String, fields: [String: JSON?], by fetcher: inout Fetcher
  ) throws -> Result<DocumentRecord, RecordError> {
    var record = DocumentRecord(id: id)
    for (name, value) in fields { record.fields[name] = value }
    do {
      try fetcher.process(&record)
      return .success(record)
    } catch let error as RecordError {
      return .failure(error)
    }
  }

  /// What is in the spool under a final name, and what lies half done beside it.
  func files() -> (documents: [String], parts: [String]) {
    let all = directory.files().filter { $0.contains("/spool/") }
    return (all.filter { !$0.contains("/.part/") }, all.filter { $0.contains("/.part/") })
  }
}
