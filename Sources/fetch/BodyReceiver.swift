import Files
import Common
import Crypto
import Glibc
import PDF
import PageImages
import HTTP

/// Takes a body: a PDF goes into a file while its checksum is computed, a page into memory or a file of its
/// own, and of anything else only the beginning is kept, to be named.
final class BodyReceiver: BodySink {
  /// What came.
  enum Content {
    case empty
    case pdf(PDFFile)
    /// An image that the portal file accepts.
    case image(PDFFile)
    /// A page, or what may be a sloppy one: text, JSON, data of an unknown kind.
    case page(PageBody, ContentKind)
    /// Something that is neither, and that is known.
    case other(ContentKind)
    /// It was compressed, and cannot be unpacked.
    case broken(String)
  }

  private let path: String
  /// Bytes of the largest body, when it is unpacked.
  private let maximum: Int
  private var isGood = false
  /// What is being received, should it break off.
  private var partial: PartialBody?
  /// The length of the whole, where this answer continues what an earlier one began.
  private var continuedLength: Int?
  /// Whether it does.
  var isContinuation: Bool { continuedLength != nil }

  /// How a compressed body comes out.
  private enum Coding {
    case undecided(isDeflate: Bool)
    case none
    case compressed(Inflater)
  }
  private var coding = Coding.none
  private var brokenCoding: String?
  /// Whether it says that it is compressed.
  private var claimsCoding = false

  /// What came before it was clear what it is.
  private var start: [UInt8] = []
  private var bytes = 0
  private var file: PDFFile?
  private var page: PageBody?
  private var kind: ContentKind?
  /// What kind of image the file is, where it is no PDF.
  private(set) var image: PageImageKind?
  private let accepted: Set<PageImageKind>
  /// Why the file could not be written.
  private(set) var failure: FileError?
  /// Why no more of the body was taken.
  private(set) var refusal: RecordError?

  /// A receiver that writes a PDF, or an image of a kind that is accepted, to `path`, which is made only then.
  init(path: String, maximum: Int, accepting accepted: Set<PageImageKind> = []) {
    self.path = path
    self.accepted = accepted
    self.maximum = maximum
  }

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
    let encoding = head.header("Content-Encoding")?.lowercased() ?? "identity"
    claimsCoding = !["", "identity", "none"].contains(encoding)
    switch encoding {
    case "", "identity", "none", "gzip", "x-gzip", "deflate":
      coding = .undecided(isDeflate: encoding == "deflate")
    default:
      coding = .none
      brokenCoding = "it is encoded as \(Format.quoted(encoding)), which was not asked for"
    }
    // Ranges count what is sent, and the file what was unpacked.
    partial = isGood && ["", "identity"].contains(encoding) ? PartialBody(head) : nil
    return true
  }

  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if case .undecided(let isDeflate) = coding, !isContinuation {
      if let inflater = Inflater(beginning: bytes, isDeflate: isDeflate) {
        coding = .compressed(inflater)
        partial = nil
      } else {
        coding = .none
      }
    }
    guard case .compressed(let inflater) = coding else { return take(bytes) }
    guard brokenCoding == nil, !inflater.isFinished else { return true }
    do throws(Inflater.Failure) { return try inflater.unpack(bytes, take) } catch {
      brokenCoding = "it is compressed and damaged"
      return true
    }
  }

  /// Takes what a body is without its compression.
  private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    self.bytes += bytes.count
    guard self.bytes <= maximum else {
      refusal = RecordError(.tooLarge, "the body is larger than \(maximum) bytes when unpacked")
      return false
    }
    if file != nil { return write(bytes) }
    if page != nil { return append(bytes) }
    if kind != nil { return true }
    // Nearly always the first chunk says what it is, and goes into the file without a copy.
    if start.isEmpty, bytes.count >= ContentKind.window { return decide(bytes) }
    start.append(contentsOf: bytes)
    guard start.count >= ContentKind.window else { return true }
    return decideByStart()
  }

  private func decideByStart() -> Bool {
    let start = start
    self.start = []
    return start.withUnsafeBytes(decide)
  }

  private func decide(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let kind = ContentKind(bytes)
    self.kind = kind
    image =
      accepted.isEmpty ? nil : PageImageKind(bytes).flatMap { accepted.contains($0) ? $0 : nil }
    switch kind {
    case _ where isGood && image != nil, .pdf where isGood:
      do throws(FileError) { file = try PDFFile(path: path) } catch { failure = error }
      return failure == nil && write(bytes)
    case .other: return true
    default:
      page = PageBody(path: path + ".page")
      return append(bytes)
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    failure = file?.write(bytes)
    return failure == nil
  }

  private func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
    failure = page?.append(bytes)
    return failure == nil
  }

  /// Forgets what came, and removes its file.
  func discard() {
    if let file, !file.isMoved { unlink(file.path) }
    file = nil
    page = nil
    kind = nil
    image = nil
    start = []
    bytes = 0
    coding = .none
    brokenCoding = nil
  }

  /// The finished PDF file, if it was one.
  var pdf: PDFFile? { file }

  /// What came, when all has come.
  func content() -> Content {
    if !start.isEmpty, !decideByStart() { return .broken("it cannot be written") }
    if let brokenCoding { return .broken(brokenCoding) }
    if case .compressed(let inflater) = coding, !inflater.isFinished {
      return .broken("it is compressed and was cut short")
    }
    if let file {
      guard file.bytes == continuedLength ?? file.bytes else {
        return .broken("its parts are not as long as announced")
      }
      return image == nil ? .pdf(file) : .image(file)
    }
    guard let kind else { return .empty }
    // Some servers say so of a PDF or a page as it is; anything else is damaged.
    if claimsCoding, kind != .page, case .none = coding {
      return .broken("it says that it is compressed, and is not")
    }
    return page.map { .page($0, kind) } ?? .other(kind)
  }
}

/// What is known of a body of which only a part is there: enough to tell whether an answer continues it.
struct PartialBody {
  /// A strong ETag, or the date of the last change: what `If-Range` may say (RFC 9110, section 13.1.5).
  let validator: String
  /// The length of the whole, where it was announced.
  let total: Int?
  private let field: String

  /// Reads the head of the answer that began it; `nil` where nothing says whether it stays the same.
  init?(_ head: ResponseHead) {
    if let etag = head.header("ETag"), etag.hasPrefix("\"") {
      (field, validator) = ("ETag", etag)
    } else if let date = head.header("Last-Modified") {
      (field, validator) = ("Last-Modified", date)
    } else {
      return nil
    }
    total = head.header("Content-Length").flatMap(Int.init)
  }

  /// The length of the whole that an answer makes of the first `offset` bytes, and `nil` where it does
  /// not continue just there, to the end, and the same content (RFC 9110, section 14.4).
  func length(continuedBy head: ResponseHead, at offset: Int) -> Int? {
    guard head.status == 206, let range = head.header("Content-Range"),
      let unit = range.split(separator: " ").first, unit.lowercased() == "bytes"
    else { return nil }
    let numbers = range.dropFirst(unit.count).split { " -/".contains($0) }.map { Int($0) }
    guard numbers.count == 3, let start = numbers[0], let end = numbers[1], start == offset,
      let whole = numbers[2] ?? total, whole == total ?? whole, whole > 0, end == whole - 1
    else { return nil }
    // Whoever sends the range has compared; but an answer that names another content is believed.
    if let other = head.header(field), other != validator { return nil }
    return whole
  }
}
