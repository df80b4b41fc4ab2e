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
      record.fields["upload"] = .object([
        "url": .string(try store.url(of: key)), "dry_run": .bool(true),
      ])
      return
    }
    let start = Time.monotonic()
    let source = style.removesSources ? LocalFile(file.path) : nil
    let object = try store.put(
      file, at: key, metadata: record.objectMetadata, overwrite: style.overwrites)
    let seconds = Double(Time.monotonic() - start) / 1e9
    record.fields["upload"] = object.json(seconds: seconds)
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
    for tool in ["optimize", "fetch"] {
      guard let member = record[tool], let path = member["path"], path != .null else { continue }
      self.init(
        path: try Self.path(path, "\(tool).path"), bytes: member["bytes"]?.int,
        sha256: member["sha256"]?.string, root: root)
      return
    }
    guard let path = record["path"] else {
      throw RecordError(
        .invalidRecord, "there is no file to upload: no optimize.path, no fetch.path, no path")
    }
    self.init(path: try Self.path(path, "path"), root: root)
  }

  private static func path(_ value: JSON, _ name: String) throws(RecordError) -> String {
    guard let path = value.string, !path.isEmpty, !path.utf8.contains(0) else {
      throw RecordError(.invalidRecord, #"the member "\#(name)" is not the path of a file"#)
    }
    return path
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
    let optimize = self["optimize"]
    let fetch = self["fetch"]
    let values: [String: JSON?] = [
      "book": self["book"], "page": self["page"],
      "instrument_number": self["instrument_number"], "document_type": self["document_type"],
      "instrument_type": self["instrument_type_parsed"] ?? self["instrument_type_raw"],
      "original_size": optimize?["original_bytes"] ?? fetch?["bytes"],
      "optimized_size": optimize?["bytes"],
    ]
    return values.compactMapValues { $0?.text }
  }
}

extension StoredObject {
  /// The member that `upload` adds to a record.
  fileprivate func json(seconds: Double) -> JSON {
    .object([
      "url": .string(url), "bytes": .int(bytes), "sha256": .string(sha256),
      "md5": md5.map(JSON.string),
      "crc32c": crc32c.map(JSON.string),
      "generation": generation.map(JSON.string), "skipped": .bool(isSkipped),
      "seconds": .decimal(seconds),
    ])
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
