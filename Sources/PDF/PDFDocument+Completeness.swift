import CQPDF
import Glibc

extension PDFDocument {
  /// Pages that are looked at one by one.
  private static let maximumPages = 5000

  /// What the pages refer to and the file does not have, as its first example; `nil` where nothing is missing
  /// and there are as many pages as the tree announces.
  ///
  /// Where the tables had to be repaired, that and a stream of another length than its own are the traces of
  /// a middle that is missing, unless lengths may be wrong.
  package func missingPart(
    isRepaired: Bool, lengthsMayBeWrong: Bool = false
  ) throws(PDFError) -> String? {
    let pages = try pageCount()
    let root = member("/Root", of: qpdf_get_trailer(handle))
    let announced = integer(member("/Count", of: member("/Pages", of: root)))
    if let announced, announced > pages { return "it has \(pages) of \(announced) pages" }
    for index in 0..<min(pages, Self.maximumPages) {
      let page = qpdf_get_page_n(handle, index)
      try check("read page \(index + 1)")
      guard isDictionary(page), !isLacking(page, isRepaired) else {
        return "page \(index + 1) lacks a part"
      }
      releaseObjects()
    }
    var isShort = false
    while qpdf_more_warnings(handle) != 0, let warning = qpdf_next_warning(handle) {
      let message = PDFError(warning, of: handle, "read").message
      isShort = isShort || message.contains("endstream") || message.contains("stream length")
    }
    return isRepaired && isShort && !lengthsMayBeWrong
      ? "a stream of a page is not of its length" : nil
  }

  private func isLacking(_ page: Object, _ isRepaired: Bool) -> Bool {
    let contents = member("/Contents", of: page)
    if isDangling(contents) { return true }
    // Of a page of a file with a hole, one that never had contents cannot be told from one that lost them.
    if isRepaired, Self.forgetsDangling, isNull(contents) { return true }
    for index in 0..<count(contents) where isDangling(element(index, of: contents)) { return true }
    let resources = member("/Resources", of: page)
    let images = member("/XObject", of: resources)
    if isDangling(resources) || isDangling(images) { return true }
    return isRepaired && paintedNames(on: page).contains { isNull(member($0, of: images)) }
  }

  /// The names of what a page paints (`/Im0 Do`). libqpdf leaves members out that refer to nothing, so that
  /// the contents have to say what should be there.
  private func paintedNames(on page: Object) -> [String] {
    var buffer: UnsafeMutablePointer<UInt8>?
    var length = 0
    guard qpdf_oh_get_page_content_data(handle, page, &buffer, &length) & 2 == 0, let buffer else {
      return []
    }
    defer { free(buffer) }
    let words = String(
      decoding: UnsafeBufferPointer(start: buffer, count: min(length, 1 << 16)), as: UTF8.self
    )
    .split(whereSeparator: \.isWhitespace)
    return zip(words, words.dropFirst()).filter { $0.1 == "Do" && $0.0.hasPrefix("/") }
      .map { String($0.0) }
  }

  /// Whether libqpdf reads a reference to what the file does not have as if there was none, as it does from 12 on.
  private static let forgetsDangling =
    Int(String(cString: qpdf_get_qpdf_version()).prefix { $0 != "." }) ?? 0 >= 12

  /// A reference to an object that is not there; before libqpdf 12.
  private func isDangling(_ object: Object) -> Bool {
    isNull(object) && qpdf_oh_get_object_id(handle, object) != 0
  }
}

extension PDFDocument {
  /// Whether everything exists that its pages are made of: as many pages as the document says it has, their
  /// contents, and the images and forms that they draw. Throws what is missing. Repairs that lose nothing
  /// pass, so that a document can be distinguished from its remains.
  package func checkWholeness() throws(PDFError) {
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
  package func complaintAboutPages() -> PDFError? {
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
