import ArgumentParser
import CLI
import Common
import Logging
import Config
import Store

extension Preconditions: ExpressibleByArgument {}

/// Which store, and what it is sent.
struct StoreOptions: ParsableArguments {
  @Option(help: .to)
  var to: String

  @OptionGroup var stages: StageOptions

  @Option(
    help: ArgumentHelp(
      "Make objects' keys from this. (default: the stage's key, else {id}.pdf)",
      valueName: "template"))
  var keyTemplate: String?

  @Flag(help: "Read plain names of files, and make a record for each.")
  var fromList = false

  @Option(help: .rare("Give objects this content type.", valueName: "type"))
  var contentType = "application/pdf"

  @Option(help: .rare("Give objects this Cache-Control, like 'private, max-age=3600'."))
  var cacheControl: String?

  @Option(help: .rare("Use this storage class, like NEARLINE or STANDARD_IA."))
  var storageClass: String?

  @Option(
    help: .rare("Add this metadata to each object, NAME=VALUE; repeatable.", valueName: "field"))
  var metadata: [String] = []

  @Flag(help: "Create the bucket where it is missing.")
  var createBucket = false

  @Option(
    help: .rare("Create it there. (default: US for gs://, AWS_REGION for s3://)"))
  var location: String?

  @Flag(help: "Replace objects that have other content.")
  var overwrite = false

  @Option(
    help: .rare("Tell the store what it may replace; off: for a store without If-None-Match."))
  var preconditions = Preconditions.auto

  @Option(help: .rare("Retry a request this often."))
  var retries = 8

  @Option(
    help: .rare("Wait at most this long before the first retry, twice as long before each more."))
  var retryBase = TimeSpan(seconds: 1)

  @Flag(name: .dryRun, help: .dryRun)
  var dryRun = false

  func validate() throws {
    guard retries >= 0 else {
      throw ValidationError("--retries must be 0 or more; it is \(retries).")
    }
    if location != nil, !createBucket {
      throw ValidationError("--location needs --create-bucket.")
    }
    if let keyTemplate {
      do { _ = try Template(keyTemplate) } catch {
        throw ValidationError("--key-template: \(error).")
      }
    }
    let fields = [contentType, cacheControl, storageClass, location].compactMap(\.self)
    guard fields.allSatisfy({ $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } }) else {
      throw ValidationError(
        "--content-type, --cache-control, --storage-class and --location must be printable ASCII.")
    }
    if let wrong = metadata.first(where: { Self.pair($0) == nil }) {
      throw ValidationError(
        "--metadata must be NAME=VALUE, its name of letters, digits, - and _; it is \(wrong).")
    }
  }

  /// Opens the store, makes its bucket where that is wished for, and reads how keys are made.
  func open(_ settings: StoreSettings) throws -> (store: any ObjectStore, keys: KeyRule) {
    let stage = try stages.load()
    let store = try openStore(to, settings)
    let keys = try keyRule(stage)
    if createBucket, !dryRun, let made = try store.create() {
      // Not only for a log that may be off: it costs money.
      Console.write("upload: made \(made)\n")
      settings.logger.info("made \(made)")
    }
    return (store, keys)
  }

  func settings(_ outages: OutagePolicy, _ stop: ShutdownSignal, _ logger: Logger) -> StoreSettings
  {
    var settings = StoreSettings()
    settings.contentType = contentType
    settings.cacheControl = cacheControl
    settings.storageClass = storageClass
    settings.metadata = Dictionary(metadata.compactMap(Self.pair)) { $1 }
    settings.location = location
    settings.preconditions = preconditions
    settings.outages = outages
    settings.retry = RetryPolicy(
      retries: retries, base: retryBase.seconds, cap: 32, maximumTime: 300)
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

  private func keyRule(_ stage: Stage?) throws(Fatal) -> KeyRule {
    guard let template = keyTemplate ?? stage?.key else {
      // A path has its ending already.
      return fromList ? .paths : try KeyRule("{id}.pdf", stage: stage)
    }
    return try KeyRule(template, stage: stage)
  }
}
