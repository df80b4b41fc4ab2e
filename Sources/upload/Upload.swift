import ArgumentParser
import CLI
import Common
import Glibc
import Logging
import Config
import Store

extension Preconditions: ExpressibleByArgument {}

/// The command `upload`: its options, and what they mean.
@main
struct Upload: Tool {
  static let configuration = CommandConfiguration(
    commandName: "upload",
    abstract:
      "Puts each document's file into a store, whole or not at all, and never over another.",
    discussion: """
      Reads one JSON record per line and writes it with "upload" added: where the file is now, its \
      size and its checksums. The file is the newest that the record names: optimize.path, \
      fetch.path or path. It stays where it is, unless --remove-source-files says otherwise.

      EXAMPLES:
        fetch … | upload --to file:///srv/archive --stage stage-0-test
        ls *.pdf | upload --from-list --to ./archive
        fetch … | upload --to gs://county-records/documents --metadata source=portal
        find scans -name '*.pdf' | upload --from-list --to s3://new-bucket --create-bucket

      CREDENTIALS, from the environment alone:
        gs://  GOOGLE_APPLICATION_CREDENTIALS (a key file that only its owner can read), else the
               metadata server of Google's machines; STORAGE_EMULATOR_HOST goes without;
               GOOGLE_CLOUD_PROJECT for a bucket that is to be made
        s3://  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, and
               AWS_ENDPOINT_URL for other stores than Amazon's; AWS_REQUEST_PAYER=requester

      \(ToolExit.table)
      """)

  @Option(help: "The store: gs://bucket/prefix, s3://bucket/prefix, file:///directory, or a path.")
  var to: String

  @Option(
    name: [.customLong("key-template"), .customLong("key")],
    help: "How an object's key is made (default: the stage's key, else {id}.pdf).")
  var key: String?

  @OptionGroup var stages: StageOptions

  @Option(name: .shortAndLong, help: "Documents at a time.")
  var workers = 8

  @Option(help: "The type that objects in a bucket get.")
  var contentType = "application/pdf"

  @Option(help: "How caches may keep them, like 'private, max-age=3600'.")
  var cacheControl: String?

  @Option(help: "Their storage class, like NEARLINE or STANDARD_IA (default: the bucket's).")
  var storageClass: String?

  @Option(help: "Metadata of each object besides those of its document, as NAME=VALUE; repeatable.")
  var metadata: [String] = []

  @Flag(help: "Make the bucket if it is missing, and say so; its objects become cheaper with age.")
  var createBucket = false

  @Option(help: "Where to make it (default: US for gs://, AWS_REGION for s3://).")
  var location: String?

  @Flag(help: "Leave an object with the same content as it is. That is the default.")
  var skipExisting = false

  @Flag(help: "Replace an object that has other content, instead of refusing.")
  var overwrite = false

  @Flag(help: "Remove each file once the store has confirmed it.")
  var removeSourceFiles = false

  @Option(
    help: """
      Whether uploads tell the store what they may replace: auto, or off for a store that does not \
      know If-None-Match.
      """)
  var preconditions = Preconditions.auto

  @Option(help: "How often a request is tried again before its document waits for another run.")
  var retries = 8

  @Option(
    help: "First wait before another try, at most (500ms, 2s); doubles each time, up to 32 s.",
    transform: seconds)
  var retryBase = 1.0

  @Option(
    help: """
      How long to wait for a store that refuses every document, before the run ends with 69 or 77 (90s, \
      30m, 6h); a minute where nothing was ever granted in this run.
      """)
  var outageLimit = "6h"

  @Option(help: "The run's directory: an outage is noted there for other programs, in outages/.")
  var state: String?

  @Option(help: "Show progress on stderr; auto: where the records go to a file.")
  var progress = ProgressMode.auto

  @Flag(help: "Add the URL that would be written, and write nothing.")
  var dryRun = false

  @Flag(help: "Try the store instead of reading records: write an object, read it, remove it.")
  var check = false

  @Flag(help: "The input is plain names of files; a record is made for each.")
  var fromList = false

  @Option(help: "Use only files below this directory, wherever links lead; others are refused.")
  var root: String?

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard (1...256).contains(workers) else {
      throw ValidationError("--workers has to be from 1 to 256, and is \(workers).")
    }
    guard retries >= 0 else { throw ValidationError("--retries cannot be negative.") }
    guard Time.span(outageLimit) != nil else {
      throw ValidationError("--outage-limit has to be a time span like 90s, 30m or 6h.")
    }
    if overwrite, skipExisting {
      throw ValidationError("--overwrite and --skip-existing contradict each other.")
    }
    if location != nil, !createBucket {
      throw ValidationError("--location belongs to --create-bucket.")
    }
    if let key {
      do { _ = try Template(key) } catch { throw ValidationError("--key-template: \(error).") }
    }
    let fields = [contentType, cacheControl, storageClass, location].compactMap(\.self)
    guard fields.allSatisfy({ $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } }) else {
      throw ValidationError(
        "--content-type, --cache-control, --storage-class and --location are printable ASCII.")
    }
    if let wrong = metadata.first(where: { Self.pair($0) == nil }) {
      throw ValidationError(
        "--metadata has to be NAME=VALUE, its name of letters, digits, - and _: \(wrong).")
    }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let stage = try stages.load()
    let outages = outages
    // While some hold documents of which it is not known whose fault a refusal is, others work.
    let threads = workers + outages.threshold - 1
    let turns = check ? WorkerTurns() : WorkerTurns(expected: threads) { [workers] in workers }
    let store = try openStore(to, settings(outages, turns, stop, logger))
    let keys = try keyRule(stage)
    if createBucket, !dryRun, let made = try store.create() {
      // Not only for a log that may be off: it costs money.
      Console.write("upload: made \(made)\n")
      logger.info("made \(made)")
    }
    if check {
      let plan = CheckPlan(
        writes: !dryRun, overwrites: overwrite, metadata: DocumentRecord.sampleMetadata)
      return try StoreTrial(store, plan, isQuiet: log.quiet).run()
    }
    let loop = RecordLoop(
      tool: "upload", workers: threads, stop: stop, logger: logger,
      lines: fromList ? .fileNames : .records)
    let style = UploadOptions(
      overwrites: overwrite, isDryRun: dryRun, removesSources: removeSourceFiles,
      root: root)
    let tally = UploadStatistics()
    let display = ProgressDisplay(tool: "upload", style: progress.styleInPipeline)
    return ProgressDisplay.beside([{ display.show(tally, until: $0) }]) {
      loop.run { number in
        var logger = logger
        logger[metadataKey: "worker"] = "\(number)"
        return Uploader(
          store: store, keys: keys, style: style, tally: tally, turns: turns, stop: stop,
          number: number, logger: logger)
      }
    }
  }

  /// A check answers now; a run may wait for a store that comes back.
  private var outages: OutagePolicy {
    OutagePolicy(
      firstDistance: 5 * retryBase, limit: check ? 0 : Time.span(outageLimit) ?? 6 * 3600)
  }

  private func settings(
    _ outages: OutagePolicy, _ turns: WorkerTurns, _ stop: ShutdownSignal, _ logger: Logger
  ) -> StoreSettings {
    var settings = StoreSettings()
    settings.contentType = contentType
    settings.cacheControl = cacheControl
    settings.storageClass = storageClass
    settings.metadata = Dictionary(metadata.compactMap(Self.pair)) { $1 }
    settings.location = location
    settings.preconditions = preconditions
    settings.outages = outages
    settings.turns = turns
    if !dryRun, !check {
      settings.notice = state.map { OutageNotice(tool: "upload", folder: "\($0)/outages") }
    }
    settings.retry = RetryPolicy(retries: retries, base: retryBase, cap: 32, maximumTime: 300)
    settings.stop = stop
    settings.logger = logger
    return settings
  }

  private static func seconds(_ text: String) throws -> Double {
    guard let seconds = Time.span(text) else {
      throw ValidationError("\(Format.quoted(text)) is no time: seconds, or 500ms, 30s, 5m, 2h.")
    }
    return seconds
  }

  /// A name, fit for a header field, and a value.
  private static func pair(_ text: String) -> (String, String)? {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let isName = { (byte: UInt8) in
      Character(Unicode.Scalar(byte)).isASCII
        && (Character(Unicode.Scalar(byte)).isLetter || Character(Unicode.Scalar(byte)).isNumber
          || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_"))
    }
    guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.allSatisfy(isName) else { return nil }
    return (String(parts[0]), String(parts[1]))
  }

  private func keyRule(_ stage: Stage?) throws(Fatal) -> KeyRule {
    guard let template = key ?? stage?.key else {
      // A path has its ending already.
      return fromList ? .paths : try KeyRule("{id}.pdf", stage: stage)
    }
    return try KeyRule(template, stage: stage)
  }
}
