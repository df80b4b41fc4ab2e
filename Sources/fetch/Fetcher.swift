import Checkpoint
import Files
import Common
import Crypto
import Glibc
import Inspection
import Logging
import PDF
import PageImages
import Synchronization
import HTTP

/// Fetches one document after the other: from the checkpoint where it is there already, else from its
/// portal.
struct Fetcher: RecordProcessor, ~Copyable {
  private let services: FetchServices
  private let logger: Logger
  private let number: Int
  private var requester: Requester

  init(_ services: FetchServices, worker: Int, logger: Logger) throws(Fatal) {
    self.services = services
    number = worker
    var logger = logger
    logger[metadataKey: "worker"] = "\(worker)"
    self.logger = logger
    requester = try Requester(services, worker: worker, logger: logger)
    services.gate.turns.join()
  }

  deinit { services.gate.turns.leave() }

  func waitForTurn(_ isOver: () -> Bool) {
    services.gate.turns.waitToTakeLine(number, isOver, services.stop)
  }

  static let linesAtOnce = 64

  /// Answers for documents that are in the spool, and were not touched since the checkpoint has them. What has to be
  /// fetched, read again or asked about, and what another worker is at, has its turn.
  func answer(_ records: [DocumentRecord]) -> [DocumentRecord?] {
    let turns = services.gate.turns
    guard !services.settings.isDryRun, !services.settings.rechecks, turns.begin(services.stop)
    else { return [] }
    defer { turns.end() }
    // Most have never been fetched, and nothing is planned for those twice.
    let mayBeThere = services.checkpoint.mayKnow(records.map(\.id))
    let wanted = records.indices.compactMap { index -> (index: Int, id: String, request: String)? in
      let record = records[index]
      guard mayBeThere[index],
        let portal = try? Portal.route(record, among: services.settings.portals),
        let request = try? portal.plan(for: record).identity
      else { return nil }
      return (index, record.id, request)
    }
    guard !wanted.isEmpty else { return [] }
    let isTaken = services.idsInWork.takeFree(wanted.map { ($0.id, $0.request) })
    let taken = zip(wanted, isTaken).compactMap { $1 ? $0 : nil }
    var answers = [DocumentRecord?](repeating: nil, count: records.count)
    let known = (try? services.checkpoint.entries(taken.map(\.id))) ?? []
    for ((index, _, request), entry) in zip(taken, known) {
      let path = services.spool.path(of: records[index].id)
      guard let entry, entry.request == request, isUntouched(entry, at: path) == true else {
        continue
      }
      var record = records[index]
      record.fetch = entry.result(of: record, path: path, isResumed: true)
      logger.info("\(record.label): was fetched before")
      answers[index] = record
    }
    services.idsInWork.leave(taken.map(\.id), fetched: answers.compactMap { $0?.id })
    return answers
  }

  /// Returns when the checkpoint has it.
  mutating func process(_ record: inout DocumentRecord) throws {
    guard let work = try takeTurn(&record) else { return }
    defer { services.idsInWork.leave(record.id) }
    try services.checkpoint.remember(work.entry)
    record = try ending.finished(record, work)
  }

  /// The next document can be fetched while this one waits for its commit.
  mutating func process(
    _ record: inout DocumentRecord, finish: @escaping RecordCompletion
  ) throws -> RecordProgress {
    guard let work = try takeTurn(&record) else { return .now }
    services.checkpoint.remember(work.entry) { [record, ending] outcome, moreFollow in
      let done = Result {
        defer { ending.services.idsInWork.leave(record.id) }
        try outcome.get()
        return try ending.finished(record, work)
      }
      finish(done, moreFollow)
    }
    return .later
  }

  private mutating func takeTurn(_ record: inout DocumentRecord) throws -> FetchedDocument? {
    let turns = services.gate.turns
    guard turns.begin(services.stop) else { throw RecordError.stopped }
    defer { turns.end() }
    do { return try fetch(&record) } catch let full as DiskFull { throw full.reason }
  }

  private var ending: Ending { Ending(services: services, logger: logger) }

  /// Fetches a document that is not there yet. What is to be remembered of it keeps its id taken.
  private mutating func fetch(_ record: inout DocumentRecord) throws -> FetchedDocument? {
    let portal = try Portal.route(record, among: services.settings.portals)
    let plan = try portal.plan(for: record)
    if services.settings.isDryRun {
      record.fetch = FetchResult(
        dryRun: [services.headerSecrets.hidden(in: try plan.url.redacted)])
      return nil
    }
    guard
      try services.idsInWork.take(record.id, for: plan.identity, stop: services.stop)
    else { throw RecordError.stopped }
    var work: FetchedDocument?
    defer { if work == nil { services.idsInWork.leave(record.id) } }
    var changed: PortalReply?
    let known = try services.checkpoint.entry(record.id)
    try services.idsInWork.check(known, for: plan.identity)
    let path = services.spool.path(of: record.id)
    if let known, known.request == plan.identity, isStillThere(known, at: path) {
      if services.settings.rechecks { changed = try recheck(known, plan, portal) }
      guard changed != nil else {
        services.idsInWork.noteFetched(known.id)
        record.fetch = known.result(of: record, path: path, isResumed: true)
        logger.info("\(record.label): was fetched before")
        return nil
      }
    }
    while work == nil {
      do { work = try fetch(plan, portal, record, known, changed) } catch let full as DiskFull {
        try services.room.waitAfterFull(full.reason, services.stop)
      }
    }
    return work
  }

  /// - Parameter changed: what the portal has instead of what is `known`.
  private mutating func fetch(
    _ plan: Portal.Plan, _ portal: Portal, _ record: DocumentRecord, _ known: Checkpoint.Entry?,
    _ changed: PortalReply?
  ) throws -> FetchedDocument {
    let url = try plan.url
    try services.room.enter(services.stop)
    var kept: Int?
    defer { services.room.leave(kept) }
    var entry = Checkpoint.Entry(id: record.id)
    entry.request = plan.identity
    entry.portal = portal.name.isEmpty ? nil : portal.name
    let began = Time.monotonic()
    do {
      if let changed, let known {
        entry.actualBook = known.actualBook
        entry.actualPage = known.actualPage
        try keep([changed], of: record, &entry)
      } else {
        try fetch(portal, record, url, &entry)
      }
    } catch let met as RecordError where met.kind != .interrupted {
      let error = services.headerSecrets.hidden(in: met)
      entry.url = services.headerSecrets.hidden(in: url.redacted)
      entry.errorClass = error.kind.rawValue
      entry.error = error.message
      entry.at = Time.timestamp()
      if !error.isRetryable { services.sampleLog?.documentDone(url.budget) }
      return FetchedDocument(entry: entry, error: error)
    }
    services.sampleLog?.documentDone(url.budget)
    kept = entry.bytes ?? 0
    entry.at = Time.timestamp()
    entry.seconds = Double(Time.monotonic() - began) / 1e9
    return FetchedDocument(entry: entry, error: nil)
  }

  /// A spool file counts only if it is, byte for byte, what the checkpoint remembers (promise P7): on the
  /// kernel's word that nobody touched it, or else read again. Where it lies follows from its id, so that
  /// a state folder may be moved, copied, and named in any way; what the row says of it is for people.
  private func isStillThere(_ entry: Checkpoint.Entry, at path: String) -> Bool {
    guard let isUntouched = isUntouched(entry, at: path) else { return false }
    return isUntouched || (try? FileDigest(path: path))?.sha256 == entry.sha256
  }

  /// The same on the kernel's word alone; `nil` where there is no file of the size that is remembered.
  private func isUntouched(_ entry: Checkpoint.Entry, at path: String) -> Bool? {
    guard entry.errorClass == nil, entry.path != nil, let bytes = entry.bytes,
      let stamp = FileStamp(path: path), stamp.bytes == bytes
    else { return nil }
    return stamp.text != nil && stamp.text == entry.stamp
  }

  /// Asks the portal whether a document is still the one we have; `nil` if it is. What was merged from
  /// several images, or came without validators, cannot be asked about.
  private mutating func recheck(
    _ entry: Checkpoint.Entry, _ plan: Portal.Plan, _ portal: Portal
  ) throws -> PortalReply? {
    var conditions: [(name: String, value: String)] = []
    if let etag = entry.etag { conditions.append(("If-None-Match", etag)) }
    if let date = entry.lastModified { conditions.append(("If-Modified-Since", date)) }
    // The checkpoint has no secrets of a URL; the record may.
    let known = try plan.url.redacted == entry.url ? try plan.url : WebURL(entry.url)
    guard !conditions.isEmpty, entry.images == 1, portal.session == .worker, portal.login.isEmpty,
      let url = known
    else { return nil }
    requester.enter(portal)
    let reply = try requester.get(
      PortalRequest(url),
      RequestContext(
        id: entry.id, portal: portal, step: PortalStep(), fields: conditions))
    return reply.head.status == 304 ? nil : reply
  }

  private mutating func fetch(
    _ portal: Portal, _ record: DocumentRecord, _ first: WebURL, _ entry: inout Checkpoint.Entry
  ) throws {
    var walk = PortalWalk(record, portal, first: first)
    defer { walk.discard() }
    try walk.go(by: &requester, services)
    entry.actualBook = walk.actualBook
    entry.actualPage = walk.actualPage
    try keep(walk.bodies, of: record, &entry)
  }

  /// Somebody may have emptied the spool while they came: the document is fetched again.
  private func requireParts(_ files: [PDFFile]) throws(RecordError) {
    guard let lost = files.first(where: { access($0.path, F_OK) != 0 }) else { return }
    throw RecordError(.local, "\(lost.path) was removed from the spool before it was finished")
  }

  /// Holds the pages that came against those that the index counts: a look-up that shows its hits on several
  /// pages, or hits of several documents, is not seen otherwise.
  private func compare(_ pages: Int?, with record: DocumentRecord) throws(RecordError) {
    guard let pages, let expected = record.pageCount, pages != expected else { return }
    let message = "\(Format.count(pages)) pages came, and the index says \(Format.count(expected))"
    guard services.settings.pageMismatch == .fail else {
      logger.warning("\(record.id): \(message)")
      return
    }
    throw RecordError(.portalError, message, isRetryable: false)
  }

  /// Makes one document of the images, in order, and gives it its final name.
  private func keep(
    _ images: [PortalReply], of record: DocumentRecord, _ entry: inout Checkpoint.Entry
  ) throws {
    let files = images.compactMap(\.body.pdf)
    guard let first = images.first, let file = files.first, files.count == images.count else {
      throw RecordError(.internal, "an image without a file")
    }
    let path = services.spool.path(of: record.id)
    entry.isEncrypted = images.contains { $0.finding?.needsPassword == true }
    entry.contentType = first.body.image?.contentType
    if files.count == 1, first.body.image == nil {
      entry.pages = first.finding?.pages
      try compare(entry.pages, with: record)
      entry.bytes = file.bytes
      entry.sha256 = file.sha256()
      try services.spool.move(file.path, to: path)
      file.isMoved = true
    } else {
      try requireParts(files)
      guard !entry.isEncrypted else {
        throw RecordError(
          .badPDF,
          "cannot combine the \(files.count) images: one of them opens only with a password")
      }
      let combined = file.path + ".combined"
      defer { unlink(combined) }
      entry.pages = try services.inspectors.combine(
        files.map(\.path), into: combined, worker: number)
      try compare(entry.pages, with: record)
      do throws(FileError) {
        let digest = try FileDigest(path: combined)
        entry.bytes = digest.bytes
        entry.sha256 = digest.sha256
      } catch { throw Fatal(.inputOutput, "\(error)") }
      try services.spool.move(combined, to: path)
    }
    entry.path = services.spool.relativePath(of: record.id)
    entry.stamp = FileStamp(path: path)?.text
    let headerSecrets = services.headerSecrets
    entry.url = headerSecrets.hidden(in: first.url.redacted)
    entry.httpStatus = first.head.status
    entry.etag = first.head.header("ETag").map(headerSecrets.hidden)
    entry.lastModified = first.head.header("Last-Modified").map(headerSecrets.hidden)
    entry.images = files.count
  }
}
