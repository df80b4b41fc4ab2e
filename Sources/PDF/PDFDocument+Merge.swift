import CQPDF
import Glibc

extension PDFDocument {
  /// libqpdf keeps the files open that it takes pages from, so that many are merged in groups.
  private static let groupSize = 64

  /// Writes the pages of the files at `paths`, in order, into one PDF at `target`. The same files
  /// give the same bytes. Page contents are taken as they are; forms and outlines are not. What opens with
  /// the empty password, as every reader opens it, is merged without its encryption. Throws where a file
  /// does not open without repairs (with `repairing`, with them), or only with a password; what is at
  /// `target` is then of no use.
  package static func merge(
    _ paths: [String], to target: String, repairing: Bool = false
  ) throws(PDFError) {
    guard paths.count > Self.groupSize else {
      return try mergeGroup(paths, to: target, repairing: repairing)
    }
    var parts: [String] = []
    defer { for part in parts { unlink(part) } }
    for start in stride(from: 0, to: paths.count, by: Self.groupSize) {
      parts.append("\(target).part\(parts.count + 1)")
      let group = paths[start..<min(start + Self.groupSize, paths.count)]
      try mergeGroup(Array(group), to: parts[parts.count - 1], repairing: repairing)
    }
    try merge(parts, to: target)
  }

  private static func mergeGroup(
    _ paths: [String], to target: String, repairing: Bool
  ) throws(PDFError) {
    let merged = try PDFDocument()
    // Streams are copied when they are written, so that the sources must live until then. A list
    // of non-copyable values is a recursion.
    try merged.add(paths[...], repairing) { () throws(PDFError) in try merged.write(to: target) }
  }

  private func add(
    _ paths: ArraySlice<String>, _ repairing: Bool, then write: () throws(PDFError) -> Void
  ) throws(PDFError) {
    guard let path = paths.first else { return try write() }
    let source = try Self.whileMerging(path) { () throws(PDFError) in
      try Self.opened(path, repairing)
    }
    try Self.whileMerging(path) { () throws(PDFError) in try addPages(of: source, repairing) }
    try add(paths.dropFirst(), repairing, then: write)
  }

  /// With repairs only where it does not open without.
  private static func opened(_ path: String, _ repairing: Bool) throws(PDFError) -> PDFDocument {
    do { return try PDFDocument(path: path) } catch {
      guard repairing, error.kind != .password else { throw error }
    }
    return try PDFDocument(path: path, repairing: true)
  }

  private func addPages(of source: borrowing PDFDocument, _ repairing: Bool) throws(PDFError) {
    for index in 0..<(try source.pageCount()) {
      let page = qpdf_get_page_n(source.handle, index)
      try Self.check(handle, qpdf_add_page(handle, source.handle, page, 0), "add a page")
      source.releaseObjects()
    }
    if let complaint = source.complaint(), !repairing { throw complaint }
  }

  private static func whileMerging<Value: ~Copyable>(
    _ path: String, _ body: () throws(PDFError) -> Value
  ) throws(PDFError) -> Value {
    do { return try body() } catch {
      throw PDFError(error.kind, "merge \(path)", error.description)
    }
  }

  /// Writes to memory and from there with write(2): libqpdf does not report a full disk that shows
  /// only when the last buffer is flushed.
  ///
  /// An encrypted document stays as encrypted as it was, with the same keys. With `tolerating`, warnings of libqpdf
  /// are no reason to throw, unless they say that an object was lost.
  func write(
    to target: String, objectStreams: Bool = false, tolerating: Bool = false
  ) throws(PDFError) {
    try Self.check(handle, qpdf_init_write_memory(handle), "write")
    if objectStreams {
      qpdf_set_object_stream_mode(handle, qpdf_o_generate)
      // What is coded twice would be decoded, without a limit. What is not coded is deflated anyway.
      qpdf_set_decode_level(handle, qpdf_dl_none)
    }
    if isEncrypted {
      // The same document has to give the same bytes. libqpdf has no identifier of the content for what is
      // encrypted, and initial vectors of its own; what opens with the empty password hides nothing by them.
      qpdf_set_static_ID(handle, 1)
      qpdf_set_static_aes_IV(handle, 1)
    } else {
      qpdf_set_deterministic_ID(handle, 1)
    }
    try Self.check(handle, qpdf_write(handle), "write")
    if let complaint = tolerating ? lostObject() : complaint() { throw complaint }
    guard let buffer = qpdf_get_buffer(handle) else {
      throw PDFError(.internal, "write", "libqpdf wrote nothing")
    }
    let bytes = UnsafeRawBufferPointer(start: buffer, count: qpdf_get_buffer_length(handle))
    try Self.write(bytes, to: target)
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws(PDFError) {
    func failure() -> PDFError {
      let code = errno
      return PDFError(.system(code), "write \(path)", String(cString: strerror(code)))
    }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(
        descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw failure()
      }
    }
  }
}
