import CQPDF
import Glibc

extension PDFDocument {
  /// Whether all is there that its pages are made of: as many pages as the document says it has, their
  /// contents, and the images and forms that they draw. Throws what is missing. Repairs that lose nothing
  /// pass, so that a document can be told from its remains.
  public func checkWholeness() throws(PDFError) {
    let count = try pageCount()
    let tree = member("/Pages", of: qpdf_get_root(handle))
    if let said = integer(member("/Count", of: tree)), said > count {
      throw PDFError(.damaged, "count the pages", "it says that it has \(said), and has \(count)")
    }
    for index in 0..<count {
      try checkPage(index)
      releaseObjects()
    }
  }

  /// What is wrong with the sizes of pages, for which readers have their own.
  public func complaintAboutPages() -> PDFError? {
    do throws(PDFError) { _ = try pages() } catch { return error }
    return complaint()
  }

  private func checkPage(_ index: Int) throws(PDFError) {
    let doing = "read page \(index + 1)"
    let page = qpdf_get_page_n(handle, index)
    try check(doing)
    guard isDictionary(page) else { throw PDFError(.damaged, doing, "it is missing") }
    let contents = member("/Contents", of: page)
    try checkStreams(contents, "its contents", doing)
    if !isNull(contents) { try checkContents(of: page, doing) }
    let drawn = member("/XObject", of: member("/Resources", of: page))
    for name in keys(drawn) {
      try checkStreams(member(name, of: drawn), "what it draws as \(name)", doing)
    }
  }

  /// A stream, or several in an array, each readable as it lies in the file.
  private func checkStreams(
    _ object: Object, _ what: String, _ doing: String
  ) throws(PDFError) {
    for part in 0..<max(1, count(object)) {
      let stream = count(object) > 0 ? element(part, of: object) : object
      if isStream(stream) {
        guard stored(stream) != nil else {
          throw PDFError(.damaged, doing, "\(what) cannot be read")
        }
      } else if isNull(stream), qpdf_oh_is_indirect(handle, stream) != 0 {
        throw PDFError(.damaged, doing, "\(what) is missing")
      }
    }
  }

  /// Its contents as they are drawn, filters taken off.
  private func checkContents(of page: Object, _ doing: String) throws(PDFError) {
    var buffer: UnsafeMutablePointer<UInt8>?
    var count = 0
    let code = qpdf_oh_get_page_content_data(handle, page, &buffer, &count)
    free(buffer)
    try Self.check(handle, code, doing)
  }
}
