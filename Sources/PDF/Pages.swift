import CQPDF

extension PDFDocument {
  /// The geometry of each page, in order. Throws where a page has none that makes sense.
  public func pages() throws(PDFError) -> [PageGeometry] {
    let count = try pageCount()
    // libqpdf knows the tree; a page's own `/Parent` may lead anywhere.
    let code = qpdf_push_inherited_attributes_to_page(handle)
    try Self.check(handle, code, "read the pages")
    var pages: [PageGeometry] = []
    pages.reserveCapacity(count)
    for index in 0..<count {
      pages.append(try geometry(ofPage: index))
      releaseObjects()
    }
    return pages
  }

  private func geometry(ofPage index: Int) throws(PDFError) -> PageGeometry {
    let page = qpdf_get_page_n(handle, index)
    try check("read page \(index + 1)")
    func wrong(_ name: String) -> PDFError {
      PDFError(.damaged, "read page \(index + 1)", "its \(name) is missing or makes no sense")
    }
    guard let mediaBox = rectangle(member("/MediaBox", of: page)) else { throw wrong("MediaBox") }
    let crop = member("/CropBox", of: page)
    let cropBox = rectangle(crop)
    guard isNull(crop) || cropBox != nil else { throw wrong("CropBox") }
    let rotate = member("/Rotate", of: page)
    let rotation = isNull(rotate) ? 0 : integer(rotate)
    guard let rotation, rotation % 90 == 0 else { throw wrong("Rotate") }
    let unit = member("/UserUnit", of: page)
    let userUnit = isNull(unit) ? 1 : number(unit)
    guard let userUnit, userUnit > 0 else { throw wrong("UserUnit") }
    try check("read page \(index + 1)")
    return PageGeometry(
      mediaBox: mediaBox, cropBox: cropBox, rotation: rotation, userUnit: userUnit)
  }

  /// An array of four numbers that has an area.
  private func rectangle(_ object: Object) -> Rectangle? {
    guard count(object) == 4 else { return nil }
    let numbers = (0..<4).compactMap { number(element($0, of: object)) }
    guard numbers.count == 4 else { return nil }
    let rectangle = Rectangle(numbers[0], numbers[1], numbers[2], numbers[3])
    return rectangle.width > 0 && rectangle.height > 0 ? rectangle : nil
  }
}
