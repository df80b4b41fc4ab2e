import Common
import Glibc
import PDF

/// Finds out whether a file is a PDF that readers can open, and all of it. To be done in a process of its own:
/// a parser may hang or crash on what it reads.
package enum PDFInspection {
  /// Bytes that are looked through at a time.
  private static let block = 1 << 16
  /// How far from its end libqpdf looks for `startxref`; behind more than that it sees no end.
  private static let reach = 1000

  /// What there is to say about the file at `path`.
  package static func finding(at path: String) -> PDFFinding {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { return PDFFinding(defect: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return PDFFinding(defect: "it is not a regular file")
    }
    let size = Int(status.st_size)
    guard case .pdf = ContentKind(read(descriptor, at: 0, count: ContentKind.window)) else {
      return PDFFinding(defect: "it does not begin with %PDF-")
    }
    guard let end = lastEnd(descriptor, size) else {
      return PDFFinding(defect: "it is cut short: the end (%%EOF) is missing")
    }
    // A later version of the document that was cut short lies behind the end of an earlier one.
    if holdsObjects(descriptor, from: end, to: size) {
      return PDFFinding(
        defect: "it is cut short: the end (%%EOF) is missing after its last objects")
    }
    var finding = parse(descriptor, path, end: end, size: size)
    finding.trailing = size - end
    return finding
  }

  private static func parse(
    _ descriptor: Int32, _ path: String, end: Int, size: Int
  ) -> PDFFinding {
    do throws(PDFError) {
      // What is padded behind its end, by a library or a scanner, is read without that.
      let finding =
        size - end <= reach
        ? try finding(of: PDFDocument(path: path), isRepaired: false)
        : try finding(
          of: PDFDocument(bytes: read(descriptor, at: 0, count: end)), isRepaired: false)
      if finding.defect == nil { return finding }
    } catch {
      if error.kind == .password { return locked() }
    }
    do throws(PDFError) {
      return try finding(of: PDFDocument(path: path, repairing: true), isRepaired: true)
    } catch {
      return error.kind == .password ? locked() : PDFFinding(defect: "\(error)")
    }
  }

  private static func locked() -> PDFFinding {
    var finding = PDFFinding()
    finding.isEncrypted = true
    finding.needsPassword = true
    return finding
  }

  private static func finding(
    of document: borrowing PDFDocument, isRepaired: Bool
  ) throws(PDFError) -> PDFFinding {
    var finding = PDFFinding()
    finding.isEncrypted = document.isEncrypted
    finding.isRepaired = isRepaired
    let pages = try document.pageCount()
    guard pages > 0 else { return PDFFinding(defect: "it has no pages") }
    finding.pages = pages
    if let missing = try document.missingPart(isRepaired: isRepaired) {
      return PDFFinding(defect: "\(missing): it is damaged, or was cut")
    }
    return finding
  }

  /// Where the last `%%EOF` ends.
  private static func lastEnd(_ descriptor: Int32, _ size: Int) -> Int? {
    let mark = Array("%%EOF".utf8)
    var end = size
    while end > 0 {
      let start = max(0, end - block)
      // A mark may lie across the border of two blocks.
      let bytes = read(descriptor, at: start, count: min(size, end + mark.count - 1) - start)
      if let found = lastPlace(of: mark, in: bytes) { return start + found + mark.count }
      end = start
    }
    return nil
  }

  private static func holdsObjects(_ descriptor: Int32, from start: Int, to end: Int) -> Bool {
    let marks = ["endobj", " 0 obj", "startxref"].map { Array($0.utf8) }
    return stride(from: start, to: end, by: block).contains { place in
      let bytes = read(descriptor, at: place, count: min(end - place, block + 8))
      return marks.contains { lastPlace(of: $0, in: bytes) != nil }
    }
  }

  private static func lastPlace(of text: [UInt8], in bytes: [UInt8]) -> Int? {
    bytes.withUnsafeBytes { bytes in
      var last: Int?
      var start = 0
      while let base = bytes.baseAddress, bytes.count - start >= text.count,
        let found = memchr(base + start, Int32(text[0]), bytes.count - start - text.count + 1)
      {
        let place = UnsafeRawPointer(found) - base
        if memcmp(found, text, text.count) == 0 { last = place }
        start = place + 1
      }
      return last
    }
  }

  private static func read(_ descriptor: Int32, at offset: Int, count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: max(0, count))
    var filled = 0
    while filled < bytes.count {
      let read = bytes.withUnsafeMutableBytes {
        pread(
          descriptor, UnsafeMutableRawBufferPointer(rebasing: $0[filled...]).baseAddress,
          $0.count - filled, off_t(offset + filled))
      }
      if read < 0, errno == EINTR { continue }
      guard read > 0 else { break }
      filled += read
    }
    return Array(bytes.prefix(filled))
  }
}

/// What was found out about a file that should be a PDF.
package struct PDFFinding: Sendable, Equatable {
  /// Pages of its tree; `nil` where it opens only with a password, or not at all.
  package var pages: Int?
  /// Whether it is encrypted, even with an empty password.
  package var isEncrypted = false
  /// Whether it opens only with a password that is not known here.
  package var needsPassword = false
  /// Whether it opens only after its tables were made anew.
  package var isRepaired = false
  /// Bytes behind the last `%%EOF`; `nil` without one.
  package var trailing: Int?
  /// Why it is no PDF that can be read; `nil` for one that can, and for one with a password.
  package var defect: String?

  /// Nothing found yet.
  package init() {}

  /// Something that cannot be read.
  package init(defect: String) { self.defect = Format.printable(defect) }

  /// As the process that looks writes it.
  package var json: JSONObject {
    [
      "pages": pages.map(JSON.int), "encrypted": .bool(isEncrypted),
      "needs_password": .bool(needsPassword), "repaired": .bool(isRepaired),
      "trailing": trailing.map(JSON.int), "defect": defect.map(JSON.string),
    ]
  }

  /// Reads what ``json`` wrote.
  package init?(_ json: JSON) {
    guard json.object != nil, let isEncrypted = json["encrypted"]?.bool else { return nil }
    pages = json["pages"]?.int
    self.isEncrypted = isEncrypted
    needsPassword = json["needs_password"]?.bool ?? false
    isRepaired = json["repaired"]?.bool ?? false
    trailing = json["trailing"]?.int
    defect = json["defect"]?.string
  }
}
