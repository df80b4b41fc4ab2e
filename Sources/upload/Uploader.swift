import Common
import Glibc
import Logging
import Store

/// Puts one document after the other into the store, in one thread.
struct Uploader: RecordProcessor, ~Copyable {
  private let store: any ObjectStore
  private let keys: KeyRule
  private let style: UploadOptions
  private let tally: UploadStatistics
  private let turns: WorkerTurns
  private let stop: ShutdownSignal
  private let number: Int
  private let logger: Logger

  init(
    store: any ObjectStore, keys: KeyRule, style: UploadOptions, tally: UploadStatistics,
    turns: WorkerTurns, stop: ShutdownSignal, number: Int, logger: Logger
  ) {
    self.store = store
    self.keys = keys
    self.style = style
    self.tally = tally
    self.turns = turns
    self.stop = stop
    self.number = number
    self.logger = logger
    turns.join()
  }

  deinit { turns.leave() }

  func waitForTurn(_ isOver: () -> Bool) { turns.waitToTakeLine(number, isOver, stop) }

  func process(_ record: inout DocumentRecord) throws {
    guard turns.begin(stop) else { throw RecordError.stopped }
    defer { turns.end() }
    try put(&record)
  }

  private func put(_ record: inout DocumentRecord) throws {
    let file = try SourceFile(of: record, below: style.root)
    let key = try keys.key(for: record)
    if style.isDryRun {
      record.upload = UploadResult(dryRun: try store.url(of: key))
      return
    }
    let start = Time.monotonic()
    let source = style.removesSources ? LocalFile(file.path) : nil
    let object = try store.put(
      file, at: key, metadata: record.objectMetadata, overwrite: style.overwrites)
    let seconds = Double(Time.monotonic() - start) / 1e9
    record.upload = object.result(seconds: seconds)
    let verb = object.isSkipped ? "was there already" : "put"
    logger.info("\(record.label): \(verb): \(object.url), \(Format.bytes(object.bytes))")
    tally.add(object)
    if let source, let trouble = source.remove(after: object.url) {
      logger.warning("\(record.label): \(trouble)")
    }
  }

  func sawFailure(of record: inout DocumentRecord) { tally.addFailure() }

  func sawInvalidLine() { tally.addFailure() }
}

/// What is done to documents, the same for all.
struct UploadOptions: Sendable {
  let overwrites: Bool
  let isDryRun: Bool
  let removesSources: Bool
  /// A directory that all files have to be in.
  let root: String?
}

extension SourceFile {
  /// The newest file that a record names, with the size and checksum recorded beside it.
  init(of record: DocumentRecord, below root: String?) throws(RecordError) {
    guard let file = try record.currentFile() else {
      throw RecordError(
        .invalidRecord, "no file to upload: the record has no optimize.path, fetch.path or path")
    }
    self.init(path: file.path, bytes: file.bytes, sha256: file.sha256, root: root)
  }
}

extension DocumentRecord {
  /// Metadata as those of a document that has them all: what a check sends.
  static let sampleMetadata = [
    "book": "285", "page": "55", "instrument_number": "62379", "document_type": "DEED",
    "instrument_type": "DEED", "original_size": "48213", "optimized_size": "19877",
  ]

  /// What a bucket is told about a document besides its bytes (docs/upload.md).
  var objectMetadata: [String: String] {
    let type = text(of: "instrument_type_parsed") ?? text(of: "instrument_type_raw")
    let originalBytes = optimize?.originalBytes ?? fetch?.bytes
    let values = [
      "book": book.map { String($0) }, "page": page.map { String($0) },
      "instrument_number": text(of: "instrument_number"),
      "document_type": text(of: "document_type"), "instrument_type": type,
      "original_size": originalBytes.map { String($0) },
      "optimized_size": optimize?.bytes.map { String($0) },
    ]
    return values.compactMapValues(\.self)
  }
}

extension StoredObject {
  /// What the record says of it.
  fileprivate func result(seconds: Double) -> UploadResult {
    var result = UploadResult(members: JSONObject())
    result.url = url
    result.bytes = bytes
    result.sha256 = sha256
    result.md5 = md5
    result.crc32c = crc32c
    result.generation = generation
    result.isSkipped = isSkipped
    result.seconds = seconds
    return result
  }
}

/// Tries a store before a run, and tells people what came of it.
struct StoreTrial {
  private let store: any ObjectStore
  private let plan: CheckPlan
  private let isQuiet: Bool

  /// - Parameters:
  ///   - plan: what is tried.
  ///   - isQuiet: whether only warnings are told.
  init(_ store: any ObjectStore, _ plan: CheckPlan, isQuiet: Bool) {
    self.store = store
    self.plan = plan
    self.isQuiet = isQuiet
  }

  /// Throws what would end a run.
  func run() throws -> ToolExit {
    let check: StoreCheck
    do { check = try store.check(plan) } catch let error as RecordError {
      throw Fatal(.unavailable, error.message)
    }
    let lines = (isQuiet ? [] : check.findings) + check.warnings.map { "warning: \($0)" }
    Console.write(lines.map { $0 + "\n" }.joined())
    return .success
  }
}
