import ArgumentParser
import CLI
import Common
import Glibc
import Index
import Logging
import Stages
import Store

/// The command `validate`: its options, and what they mean.
@main
struct Validate: Tool {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Checks that what was uploaded has arrived, settles each document, and reports.",
    discussion: """
      Reads one JSON record per line, asks the store for the size and checksum of the object that \
      upload.url names, and writes the record with "validate" added. With --settle, the outcome \
      goes to the index too: completed, to be tried again, or failed.

      EXAMPLES:
        fetch … | upload … | validate
        enqueue … | fetch … | upload … | validate --settle --index sqlite:index.db --no-records
        validate --report --index sqlite:index.db --stage stage-0-test

      \(ExitCode.table)
      """)

  @Flag(help: "Write each document's outcome to the index, where its lease still holds.")
  var settle = false

  @Option(help: "The index: postgres://USER@HOST/NAME, sqlite:PATH, or a path to a SQLite file.")
  var index: String?

  @OptionGroup var pool: PoolOptions

  @Option(help: "The store that all objects have to be in (default: wherever their URLs say).")
  var to: String?

  @OptionGroup var stages: StageOptions

  @Option(name: .shortAndLong, help: "Documents at a time.")
  var workers = 8

  @Option(help: "How long a document waits for its second attempt; doubles each time (500ms, 2m).")
  var retryWait = "120s"

  @Option(help: "Remove a document's files beneath this directory once its outcome is written.")
  var spool: String?

  @Flag(help: "Keep the files in the spool.")
  var keepLocal = false

  @Flag(help: "Write no records to the output: for the end of the belt.")
  var noRecords = false

  @Option(help: "Show progress on stderr.")
  var progress = ProgressMode.auto

  @Option(help: "How many documents there are to do (default: asked from the index).")
  var total: Int?

  @Option(help: "Write the summary to this file too, as JSON.")
  var summary: String?

  @Flag(help: "Print what the index says, and read no records.")
  var report = false

  @Flag(help: "The report as JSON.")
  var json = false

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard (1...256).contains(workers) else {
      throw ValidationError("--workers has to be from 1 to 256, and is \(workers).")
    }
    guard Time.span(retryWait) != nil else {
      throw ValidationError("--retry-wait has to be a time span like 500ms, 30s or 2m.")
    }
    guard total ?? 0 >= 0 else { throw ValidationError("--total has to be 0 or more.") }
    if settle || report, index == nil {
      throw ValidationError("\(report ? "--report" : "--settle") needs --index.")
    }
    if settle, report { throw ValidationError("--report reads no records to --settle.") }
    if json, !report { throw ValidationError("--json belongs to --report.") }
  }

  func perform(stop: Stop, logger: Logger) throws -> Common.ExitCode {
    let selection = try stages.load()?.selection ?? Selection()
    let connections = pool.dbPool
    if report, let index {
      return try printReport(of: try openIndex(index, connections: connections), selection)
    }
    let documents =
      settle ? try index.map { try openIndex($0, connections: connections, stop: stop) } : nil
    let run = ValidationRun(
      store: try to.map { try openStore($0) },
      settling: documents.map {
        .init(settler: Settler(index: $0), firstWait: Time.span(retryWait) ?? 120)
      },
      spool: keepLocal ? nil : spool.map { Spool(directory: $0) },
      total: try total ?? documents.map { try $0.countOfWork(selection) },
      manner: progress.manner, workers: workers, logger: logger)
    let output = noRecords ? open("/dev/null", O_WRONLY | O_CLOEXEC) : STDOUT_FILENO
    let (code, summary) = run.perform(stop: stop, output: output)
    _ = writeAll(Array(summary.text.utf8), to: STDERR_FILENO)
    if let path = self.summary { try summary.write(to: path) }
    return code
  }

  private func printReport(
    of index: any DocumentIndex, _ selection: Selection
  ) throws -> Common.ExitCode {
    let report = try index.report(selection)
    let text = json ? report.json.description + "\n" : report.text(now: Time.wall())
    let failure = writeAll(Array(text.utf8), to: STDOUT_FILENO)
    guard failure == 0 || failure == EPIPE else {
      throw Fatal(
        .inputOutput, "cannot write the report: \(String(cString: strerror(failure)))")
    }
    return .success
  }
}

extension DocumentIndex {
  /// How many documents of a selection a run that begins now has before it.
  fileprivate func countOfWork(_ selection: Selection) throws -> Int {
    let counts = try counts(selection)
    // A stage that tries failed documents again makes them pending at its start, perhaps just now.
    let revived = selection.retriesFailed ? counts.failed : 0
    return min(counts.pending + counts.inProgress + revived, selection.limit ?? .max)
  }
}
