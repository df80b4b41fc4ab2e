import Common
import Images
import PDF

/// Whether drawings of the source prove anything: what the renderer cannot draw is as empty before as it is
/// after, however much of it was lost in between.
struct DrawingProof: ~Copyable {
  private let document: PDFDocument
  private let pages: [PageGeometry]
  /// What a JPEG of several scans may take, in bytes.
  private let memory: Int

  init(of source: String, repairing: Bool, memory: Int) throws(PDFError) {
    let document = try PDFDocument(path: source, repairing: repairing)
    pages = try document.pages()
    self.memory = memory
    self.document = document
  }

  /// What is to be said against a drawing of a page, counted from 1, on which there are words, or there are not,
  /// or that is not known: it shows nothing, or nothing where an image is, although there is something.
  func rejection(to drawing: PageDrawing, page: Int, hasWords: Bool?) -> Rejection? {
    guard pages.indices.contains(page - 1) else { return nil }
    let painting = document.painting(onPage: page - 1, pages[page - 1])
    if drawing.isOneColour {
      let showsText = hasWords ?? painting.showsText
      if painting.paintsShapes || showsText || !painting.isUnderstood {
        return Rejection(.nothingDrawn, "page \(page)")
      }
    }
    for placement in painting.placements
    where drawing.isOneColour(in: placement.box) == true && !isSolid(placement.image) {
      return Rejection(.nothingDrawn, "an image on page \(page)")
    }
    return nil
  }

  private func isSolid(_ image: ImageDescription) -> Bool {
    guard let stored = document.stored(image.id) else { return false }
    return SolidColour.fills(image, stored: stored, memory: memory) == true
  }
}
