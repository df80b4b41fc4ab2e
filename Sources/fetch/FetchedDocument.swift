import Checkpoint
import Common
import Logging

/// A document that was fetched, or could not be, and is to be remembered.
struct FetchedDocument: Sendable {
  let entry: Checkpoint.Entry
  /// Why it could not be.
  let error: RecordError?
}

/// What is left to be done for a document once the checkpoint has it, in whatever thread.
struct Ending: Sendable {
  let services: FetchServices
  let logger: Logger

  /// The record as it goes on; throws why the document could not be fetched.
  func finished(_ record: DocumentRecord, _ work: FetchedDocument) throws(RecordError)
    -> DocumentRecord
  {
    if let error = work.error { throw error }
    let entry = work.entry
    services.idsInWork.noteFetched(entry.id)
    var record = record
    record.fetch = entry.result(
      of: record, path: services.spool.path(of: entry.id), isResumed: false)
    logger.info(
      """
      \(record.label): fetched \(Format.bytes(entry.bytes ?? 0)) in \
      \(Format.duration(seconds: entry.seconds))
      """)
    return record
  }
}

extension Checkpoint.Entry {
  /// What the record says of the document; `path` is where its file is now.
  func result(of record: DocumentRecord, path: String, isResumed: Bool) -> FetchResult {
    var result = FetchResult(members: JSONObject(room: 20))
    result.path = path
    result.bytes = bytes
    result.sha256 = sha256
    result.url = url
    result.httpStatus = httpStatus
    result.portal = portal
    result.images = images
    result.contentType = contentType
    result.pages = pages
    if let pages, let expected = record.pageCount { result.isPageCountMismatch = expected != pages }
    result.isEncrypted = isEncrypted
    result.actualBook = actualBook
    result.actualPage = actualPage
    if actualBook != nil || actualPage != nil {
      // Where the record says neither, there is nothing that could differ.
      func differ(_ actual: Int?, _ index: Int?) -> Bool {
        if let actual, let index { actual != index } else { false }
      }
      result.isMismatch = differ(actualBook, record.book) || differ(actualPage, record.page)
    }
    result.etag = etag
    result.lastModified = lastModified
    result.fetchedAt = at
    result.seconds = seconds
    result.isResumed = isResumed
    return result
  }
}
