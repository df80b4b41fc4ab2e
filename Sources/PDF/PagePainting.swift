/// What a page paints, and where, as its contents say. Pure data; nothing is decoded for it.
package struct PagePainting: Sendable {
  /// An image on the page.
  package struct Placement: Sendable, Equatable {
    package let image: ImageDescription
    /// What it covers of the sheet as it is shown, in parts of its width and height, from the lower left corner.
    package let box: Rectangle
  }

  /// More images than these on one page are not followed.
  private static let maximumPlacements = 50_000

  /// The images that the page, or forms that it draws, place on the sheet.
  package private(set) var placements: [Placement] = []
  /// Whether lines, areas, shadings or inline images are painted, or annotations have an appearance.
  package internal(set) var paintsShapes = false
  /// Whether text is shown, be it of blanks.
  package private(set) var showsText = false
  /// Whether all contents were understood.
  package internal(set) var isUnderstood = true
  private var drawn: [(id: ObjectID, matrix: Matrix)] = []

  mutating func add(_ contents: ContentReader.Contents) {
    paintsShapes = paintsShapes || contents.paintsShapes
    showsText = showsText || contents.showsText
  }

  mutating func add(_ id: ObjectID, _ matrix: Matrix) {
    guard drawn.count < Self.maximumPlacements else {
      isUnderstood = false
      return
    }
    drawn.append((id, matrix))
  }

  /// Finds where on the sheet the images are, which were placed in the coordinates of the page.
  mutating func locate(_ images: [ObjectID: ImageDescription], on geometry: PageGeometry) {
    let sheet = geometry.shownSheet
    for (id, matrix) in drawn {
      guard let image = images[id] else { continue }
      let box = geometry.shown(matrix.unitSquareBounds)
      guard let visible = box.intersection(sheet) else { continue }
      placements.append(
        Placement(
          image: image,
          box: Rectangle(
            visible.left / sheet.width, visible.bottom / sheet.height,
            visible.right / sheet.width, visible.top / sheet.height)))
    }
    drawn = []
  }
}

extension PDFDocument {
  /// What a page paints, counted from 0. ``pages()`` must have been called before, for its geometry.
  package func painting(onPage index: Int, _ geometry: PageGeometry) -> PagePainting {
    defer { releaseObjects() }
    var survey = ImageSurvey()
    survey.notePainting(index, of: self, geometry)
    return survey.painting
  }
}
