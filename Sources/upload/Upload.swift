import ArgumentParser
import CLI
import Common
import Logging
import Stages
import Store

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
      fetch.path or path. Nothing is deleted.

      EXAMPLES:
        fetch … | upload --to file:///srv/archive --stage stage-0-test
        ls *.pdf | upload --from-list --to ./archive
        fetch … | upload --to gs://county-records/documents --metadata source=portal

      CREDENTIALS, from the environment alone:
        gs://  GOOGLE_APPLICATION_CREDENTIALS (a key file that only its owner can read), else the
               metadata server of Google's machines; STORAGE_EMULATOR_HOST goes without
        s3://  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, and
               AWS_ENDPOINT_URL for other stores than Amazon's

      \(ExitCode.table)
      """)

  @Option(help: "The store: gs://bucket/prefix, s3://bucket/prefix, file:///directory, or a path.")
  var to: String

  @Option(help: "How an object's key is made (default: the stage's key, else {id}.pdf).")
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

  @Flag(help: "Replace an object that has other content, instead of refusing.")
  var overwrite = false

  @Flag(help: "Add the URL that would be written, and write nothing.")
  var dryRun = false

  @Flag(help: "The input is plain names of files; a record is made for each.")
  var fromList = false

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard (1...256).contains(workers) else {
      throw ValidationError("--workers has to be from 1 to 256, and is \(workers).")
    }
    if let key {
      do { _ = try Template(key) } catch { throw ValidationError("--key: \(error).") }
    }
    let fields = [contentType, cacheControl, storageClass].compactMap(\.self)
    guard fields.allSatisfy({ $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } }) else {
      throw ValidationError(
        "--content-type, --cache-control and --storage-class are printable ASCII.")
    }
    if let wrong = metadata.first(where: { Self.pair($0) == nil }) {
      throw ValidationError(
        "--metadata has to be NAME=VALUE, its name of letters, digits, - and _: \(wrong).")
    }
  }

  func perform(stop: Stop, logger: Logger) throws -> Common.ExitCode {
    let stage = try stages.load()
    let store = try openStore(to, settings(stop, logger))
    let keys = try KeyRule(template(of: stage), stage: stage)
    let loop = StageLoop(
      tool: "upload", workers: workers, stop: stop, logger: logger,
      lines: fromList ? .fileNames : .records)
    return loop.run { [overwrite, dryRun] number in
      var logger = logger
      logger[metadataKey: "worker"] = "\(number)"
      return Uploader(
        store: store, keys: keys, overwrites: overwrite, isDryRun: dryRun, logger: logger)
    }
  }

  private func settings(_ stop: Stop, _ logger: Logger) -> StoreSettings {
    var settings = StoreSettings()
    settings.contentType = contentType
    settings.cacheControl = cacheControl
    settings.storageClass = storageClass
    settings.metadata = Dictionary(metadata.compactMap(Self.pair)) { $1 }
    settings.stop = stop
    settings.logger = logger
    return settings
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

  private func template(of stage: Stage?) -> String {
    // A file name has its ending already.
    key ?? stage?.key ?? (fromList ? "{id}" : "{id}.pdf")
  }
}
