import Common
import Digest
import Glibc
import Transfer

/// Takes a body: a PDF goes into a file while its checksum is computed, anything else stays in memory,
/// up to a limit, to be read or quoted.
final class BodyReceiver: BodySink {
  /// How far into a body `%PDF-` may begin (ISO 32000-2, annex H of readers' custom: 1,024 bytes).
  static let headerWindow = 1024
  /// Largest page that is read, in bytes; more of it is dropped.
  static let maximumPage = 2 << 20

  private let path: String
  private var isGood = false
  /// What is being received, should it break off.
  private var partial: PartialBody?
  /// The length of the whole, where this answer continues what an earlier one began.
  private var continuedLength: Int?
  /// Whether it does.
  var isContinuation: Bool { continuedLength != nil }
  private var start: [UInt8] = []
  private var file: PDFFile?
  /// Why the file could not be written.
  private(set) var failure: FileError?

  /// A receiver that writes a PDF to `path`, which is made only then.
  init(path: String) { self.path = path }

  /// The header fields that ask for the rest of a body that broke off (RFC 9110, section 13.1.5): the
  /// server sends the whole, should it have changed. Empty where nothing is there to be continued.
  var continuationFields: [(name: String, value: String)] {
    guard let file, let partial else { return [] }
    return [("Range", "bytes=\(file.bytes)-"), ("If-Range", partial.validator)]
  }

  func begin(_ head: ResponseHead) -> Bool {
    continuedLength = file.flatMap { file in
      partial?.length(continuedBy: head, at: file.bytes)
    }
    if isContinuation { return true }
    discard()
    isGood = head.status == 200
    partial = isGood ? PartialBody(head) : nil
    return true
  }

  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if file != nil { return write(bytes) }
    // Nearly always the first piece begins with it, and goes into the file without a copy.
    if isGood, start.isEmpty, Self.looksLikePDF(bytes) { return makeFile() && write(bytes) }
    let isUndecided = start.count < Self.headerWindow
    start.append(contentsOf: bytes.prefix(Self.maximumPage - start.count))
    guard isGood, isUndecided, start.withUnsafeBytes(Self.looksLikePDF) else { return true }
    // All that came so far, this piece included.
    return makeFile() && start.withUnsafeBytes(write)
  }

  private static func looksLikePDF(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.prefix(headerWindow + 5).has("%PDF-")
  }

  private func makeFile() -> Bool {
    do throws(FileError) { file = try PDFFile(path: path) } catch { failure = error }
    return failure == nil
  }

  private func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    failure = file?.write(bytes)
    return failure == nil
  }

  /// Forgets what came, and removes its file.
  func discard() {
    if let file { unlink(file.path) }
    file = nil
    start = []
  }

  /// The finished PDF file, if it was one.
  var pdf: PDFFile? { file }

  /// What came, if it was no PDF.
  var page: [UInt8] { file == nil ? start : [] }

  /// What people would call the page.
  var title: String {
    guard let page = HTMLPage(start) else { return "no text" }
    return LookupAnswer.title(page)
  }

  /// What kind of body it turned out to be; `meaning` reads a page.
  func kind(_ meaning: (_ page: [UInt8]) -> ErrorClass?) -> Judgement.Body {
    if let file {
      return .pdf(isWhole: file.endsWell && file.bytes == continuedLength ?? file.bytes)
    }
    return start.isEmpty ? .empty : .page(meaning: meaning(start))
  }
}
